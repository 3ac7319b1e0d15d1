import assert from "node:assert/strict";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SystemClock } from "../core/clock.ts";
import { LineLog, LOG_SIZE_MAX, openLogFile, rotateInUse } from "./log-file.ts";
import { tailLog } from "./log-tail.ts";

const clock = new SystemClock();
let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-log-"));
});
after(() => rmSync(folder, { recursive: true }));

describe("the log", () => {
  it("has one line an event, whatever the message and fields hold", () => {
    const path = join(folder, "lines", "a.log");
    const fd = openLogFile(path);
    const log = new LineLog({ fd, clock, name: "test" });
    log.warn("first\n  second", { n: 1, big: 10n, error: new Error("no\nway"), none: undefined });
    log.child("part").error("x");
    log.debug("not shown");
    closeSync(fd);
    const lines = readFileSync(path, "utf8").split("\n");
    assert.equal(lines.length, 3);
    assert.match(
      lines[0]!,
      /^\d{4}-\d\d-\d\dT[\d:.]+Z warn test\[\d+\] first \| second n=1 big="10" error="no\\nway" none=undefined$/,
    );
    assert.match(lines[1]!, / error test part\[\d+\] x$/);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it("moves a full log away at the start and keeps three", () => {
    const path = join(folder, "b.log");
    for (let round = 1; round <= 5; round++) {
      writeFileSync(path, `round ${round}`);
      truncateSync(path, LOG_SIZE_MAX);
      closeSync(openLogFile(path));
    }
    assert.equal(statSync(path).size, 0);
    assert.match(readFileSync(`${path}.1`, "utf8"), /^round 5/);
    assert.match(readFileSync(`${path}.3`, "utf8"), /^round 3/);
    assert.equal(existsSync(`${path}.4`), false);
  });

  it("is emptied in use without a line of any writer going astray", () => {
    const path = join(folder, "c.log");
    const fd = openLogFile(path);
    const log = new LineLog({ fd, clock, name: "test" });
    assert.equal(rotateInUse(path, fd), false);
    truncateSync(path, LOG_SIZE_MAX);
    assert.equal(rotateInUse(path, fd), true);
    log.info("after");
    closeSync(fd);
    assert.match(readFileSync(path, "utf8"), /^2.* after\n$/);
    assert.equal(statSync(`${path}.1`).size, LOG_SIZE_MAX);
  });

  it("is read back from its end, and followed over an emptying", async () => {
    const path = join(folder, "d.log");
    writeFileSync(path, "one\ntwo\nthree\nhalf");
    const lines: string[] = [];
    const stop = new AbortController();
    const following = tailLog({
      path,
      lineCount: 2,
      follow: true,
      clock,
      signal: stop.signal,
      onLine: (line) => lines.push(line),
    });
    assert.deepEqual(lines, ["two", "three"]);
    writeFileSync(path, " done\n", { flag: "a" });
    await until(() => lines.length === 3);
    writeFileSync(path, "new\n");
    await until(() => lines.length === 4);
    stop.abort();
    await following;
    assert.deepEqual(lines, ["two", "three", "half done", "new"]);
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await clock.sleep(20);
}
