/** The example of docs/library.md, run as it stands. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { Volume } from "./index.ts";

const DOCUMENT = new URL("../../docs/library.md", import.meta.url);
const ENTRY = new URL("./index.ts", import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), "shoal-example-"));
after(() => rmSync(folder, { recursive: true }));

describe("docs/library.md", () => {
  it("begins with an example that works", async () => {
    const example = /```ts\n(.*?)```/su.exec(readFileSync(DOCUMENT, "utf8"))?.[1];
    assert.ok(example !== undefined);
    const url = pathToFileURL(join(folder, "notes")).href;
    const stateDirectory = join(folder, "state");
    // Where the state directory is by default depends on who runs this.
    const place = `"${url}", { stateDirectory: "${stateDirectory}" }`;
    const program = example
      .replace('"shoal"', JSON.stringify(ENTRY))
      .replace('"file:///srv/notes"', place);
    assert.ok(program.includes(ENTRY) && program.includes(place));
    const path = join(folder, "example.ts");
    writeFileSync(path, program);
    const { status, stdout, stderr } = spawnSync(process.execPath, [path]);
    assert.deepEqual([status, stdout.toString()], [0, "first.md 10\n"], stderr.toString());
    await using volume = await Volume.open(url, { stateDirectory });
    assert.equal(await volume.readFile("/log", { encoding: "utf8" }), "first note written\n");
  });
});
