import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { FakeWorld, type Run } from "../../../test/cli/fake-world.ts";

const GOLDEN = join(import.meta.dirname, "../../../test/golden");
const REPLICA = join(GOLDEN, "litestream/v0.5.15/replica");
const LITEFS = join(GOLDEN, "litefs-0.5.14");
const FILE_2 = "0000000000000002-0000000000000002.ltx";

const run = (...args: string[]): Promise<Run> => new FakeWorld().run("ltx", ...args);

describe("shoal ltx", () => {
  let directory: string;
  let database: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "shoal-ltx-"));
    database = join(directory, "a.db");
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** Level 0 of the replica, in a replica of its own, without some of its files. */
  function levelZeroWithout(...missing: readonly number[]): string {
    const level = join(directory, "replica/ltx/0");
    mkdirSync(level, { recursive: true });
    for (let txid = 1; txid <= 17; txid++) {
      const digits = txid.toString(16).padStart(16, "0");
      const name = `${digits}-${digits}.ltx`;
      if (missing.includes(txid)) continue;
      writeFileSync(join(level, name), readFileSync(join(REPLICA, "ltx/0", name)));
    }
    return join(directory, "replica");
  }

  it("list shows a line a file, and JSON for programs", async () => {
    const { exitCode, out } = await run("list", REPLICA);
    assert.equal(exitCode, 0);
    const lines = out.trimEnd().split("\n");
    assert.equal(lines.length, 31);
    assert.match(lines.at(-1)!, /^ +9 {2}0000000000000001 {2}0000000000000010 .* v3 .*0010\.ltx$/);
    const { files } = JSON.parse((await run("list", "--json", REPLICA)).out) as {
      readonly files: readonly Readonly<Record<string, unknown>>[];
    };
    assert.equal(files.length, 30);
    assert.equal(files[0]!["maxTxid"], "0000000000000001");
    assert.equal(files[0]!["pageSize"], 4096);
  });

  it("list shows the good files beside one that is none, which it names", async () => {
    const replica = levelZeroWithout();
    const bad = join(replica, "ltx/0", FILE_2);
    writeFileSync(bad, "not an LTX file, but as long as one has to be".repeat(5));
    const { exitCode, out, err } = await run("list", replica);
    assert.equal(exitCode, 1);
    assert.equal(out.trimEnd().split("\n").length, 17);
    assert.match(err, new RegExp(`^shoal: ${bad}: not an LTX file`, "u"));
  });

  it("dump shows everything but the pages' bytes", async () => {
    const path = join(LITEFS, "ltx", FILE_2);
    const { exitCode, out } = await run("dump", path);
    assert.equal(exitCode, 0);
    assert.match(out, /^checksum before {2}9e358dc1f5e86c5a$/mu);
    assert.match(out, /^page {10}2 {2}[0-9a-f]{16}$/mu);
    const dump = JSON.parse((await run("dump", "--json", path)).out) as Record<string, unknown>;
    assert.equal(dump["postApplyChecksum"], "ce28c3e532c0368d");
    assert.equal((dump["pages"] as readonly unknown[]).length, 2);
  });

  it("verify reads everything, and finds what is damaged or misnamed", async () => {
    const whole = await run("verify", REPLICA, LITEFS);
    assert.equal(whole.exitCode, 0, whole.out);
    assert.match(whole.out, /^42 files, .*: all whole$/mu);
    const replica = levelZeroWithout();
    const bad = join(replica, "ltx/0", FILE_2);
    const bytes = readFileSync(bad);
    bytes[5000]! ^= 1;
    writeFileSync(bad, bytes);
    const damaged = await run("verify", replica);
    assert.equal(damaged.exitCode, 1);
    assert.match(damaged.out, new RegExp(`^${bad}: `, "u"));
    assert.match(damaged.out, /: 1 problems$/mu);
    copyFileSync(join(REPLICA, "ltx/0/0000000000000003-0000000000000003.ltx"), bad);
    const misnamed = await run("verify", replica);
    assert.match(misnamed.out, /holds the TXIDs 3 to 3, not those of its name/u);
  });

  it("verify finds that a file is missing", async () => {
    const { exitCode, out } = await run("verify", levelZeroWithout(5));
    assert.equal(exitCode, 1);
    assert.match(
      out,
      /replica: 0000000000000004-\S+ of level 0 is the last before a gap, 0000000000000006-/u,
    );
  });

  it("apply makes the newest database, or that of a TXID", async () => {
    const { exitCode, out } = await run("apply", "-o", database, REPLICA);
    assert.equal(exitCode, 0);
    assert.equal(out, `${database}: TXID 0000000000000011, 92 KiB from 2 files (28 not needed)\n`);
    const expected = join(REPLICA, "../source.db");
    assert.equal(readFileSync(database).length, readFileSync(expected).length);
    const older = join(directory, "older.db");
    assert.equal((await run("apply", "-o", older, "--txid", "7", REPLICA)).exitCode, 0);
    assert.equal((await run("apply", "-o", join(directory, "litefs.db"), LITEFS)).exitCode, 0);
    assert.deepEqual(
      readFileSync(join(directory, "litefs.db")),
      readFileSync(join(LITEFS, "database")),
    );
  });

  it("apply never replaces a database unless told to, and says how", async () => {
    writeFileSync(database, "mine");
    const refused = await run("apply", "-o", database, REPLICA);
    assert.equal(refused.exitCode, 1);
    assert.equal(refused.err, `shoal: ${database} exists\n       --force replaces a database\n`);
    assert.equal(readFileSync(database, "utf8"), "mine");
    assert.equal((await run("apply", "--force", "-o", database, REPLICA)).exitCode, 0);
  });

  it("apply names the files beside a gap, and restores the state before it when asked to", async () => {
    const replica = levelZeroWithout(5);
    const { exitCode, err } = await run("apply", "-o", database, replica);
    assert.equal(exitCode, 1);
    assert.match(err, /last before a gap/u);
    assert.equal((await run("apply", "-o", database, "--txid", "4", replica)).exitCode, 0);
  });

  it("apply goes round a damaged file where it can, and never to an older state for it", async () => {
    const replica = levelZeroWithout();
    const compacted = join(replica, "ltx/1");
    mkdirSync(compacted);
    const merged = "0000000000000002-0000000000000004.ltx";
    copyFileSync(join(REPLICA, "ltx/1", merged), join(compacted, merged));
    const level = join(replica, "ltx/0");
    const whole = await run("apply", "-o", database, replica);
    assert.equal(whole.exitCode, 0, whole.err);
    const broken = async (path: string): Promise<Run> => {
      const bytes = readFileSync(path);
      writeFileSync(path, bytes.subarray(0, 300));
      const output = join(directory, "broken.db");
      rmSync(output, { force: true });
      const result = await run("apply", "-o", output, replica);
      if (result.exitCode === 0) assert.deepEqual(readFileSync(output), readFileSync(database));
      writeFileSync(path, bytes);
      return result;
    };
    assert.equal((await broken(join(level, FILE_2))).exitCode, 0);
    assert.equal((await broken(join(compacted, merged))).exitCode, 0);
    const last = join(level, "0000000000000011-0000000000000011.ltx");
    const refused = await broken(last);
    assert.equal(refused.exitCode, 1);
    assert.match(refused.err, new RegExp(`^shoal: ${last}: `, "u"));
  });

  it("says what is wrong with arguments", async () => {
    const cases: readonly (readonly [number, RegExp, readonly string[]])[] = [
      [2, /--txid: "xyz" is no TXID/u, ["apply", "-o", database, "--txid", "xyz", REPLICA]],
      [2, /--txid: "0" is no TXID/u, ["apply", "-o", database, "--txid", "0", REPLICA]],
      [2, /--before: "noon" is no time/u, ["apply", "-o", database, "--before", "noon", REPLICA]],
      [2, /cannot be used with/u, ["apply", "-o", "x", "--txid", "1", "--before", "2026", REPLICA]],
      [2, /--output/u, ["apply", REPLICA]],
      [2, /missing required argument/u, ["list"]],
      [2, /unknown command 'frob'/u, ["frob"]],
      [
        1,
        /outside of what there is/u,
        ["apply", "-o", database, "--before", "2020-01-01", REPLICA],
      ],
      [1, /nowhere: ENOENT/u, ["list", join(GOLDEN, "nowhere")]],
      [1, /holds no LTX file\n {7}A replica's directory/u, ["verify", join(GOLDEN, "litestream")]],
    ];
    for (const [code, message, args] of cases) {
      const { exitCode, err } = await run(...args);
      assert.equal(exitCode, code, `${args.join(" ")}: ${err}`);
      assert.match(err, message);
    }
  });
});
