import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { findNativeModules, NATIVE_MODULES } from "./native-modules.ts";
import { makePrivateCopy, type ProgramSource } from "./private-copy.ts";
import { removeStaleCopies } from "./stale-copies.ts";

const made: string[] = [];
let folder = "";
let source: ProgramSource = { bundle: "", natives: [] };
let run = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-copy-"));
  made.push(folder);
  run = join(folder, "run");
  mkdirSync(run);
  source = {
    bundle: join(folder, "bundle"),
    natives: [{ name: "n.node", path: join(folder, "installed-n.node") }],
  };
  mkdirSync(source.bundle);
  write("bundle/package.json", '{"type":"commonjs"}');
  write("bundle/main.js", 'console.log(require("./part.js") + 1);\n');
  write("bundle/part.js", "module.exports = 100;\n");
  write("installed-n.node", "a native module");
});
after(() => {
  for (const path of made) rmSync(path, { recursive: true });
});

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

function output(root: string): string {
  return execFileSync(process.execPath, [join(root, "main.js")], { encoding: "utf8" }).trim();
}

describe("makePrivateCopy", () => {
  it("runs without what it was copied from", () => {
    const copy = makePrivateCopy(source, run);
    assert.equal(copy.isNew, true);
    rmSync(source.bundle, { recursive: true });
    rmSync(source.natives[0]!.path);
    assert.equal(output(copy.root), "101");
    assert.ok(existsSync(join(copy.root, "n.node")));
    assert.ok(statSync(join(copy.root, "compile-cache")).isDirectory());
  });

  it("shares no file with the source, so that rewriting one in place changes nothing", () => {
    const copy = makePrivateCopy(source, run);
    write("bundle/part.js", "module.exports = 200;\n");
    assert.equal(output(copy.root), "101");
    assert.equal(statSync(join(copy.root, "part.js")).nlink, 1);
  });

  it("is found again while nothing changed, and another one once something did", () => {
    const first = makePrivateCopy(source, run);
    assert.deepEqual(makePrivateCopy(source, run), { ...first, isNew: false });
    write("bundle/part.js", "module.exports = 2000;\n");
    const second = makePrivateCopy(source, run);
    assert.notEqual(second.root, first.root);
    assert.equal(output(second.root), "2001");
    write("installed-n.node", "another native module");
    assert.notEqual(makePrivateCopy(source, run).root, second.root);
    mkdirSync(`${second.root}.half-made`);
    assert.equal(removeStaleCopies(run, second.root), 3);
    assert.equal(readdirSync(run).length, 1);
  });

  it("names a native module that is missing, and leaves nothing half made", () => {
    rmSync(source.natives[0]!.path);
    assert.throws(() => makePrivateCopy(source, run), { code: "ENOENT", message: /installed-n/ });
    assert.deepEqual(readdirSync(run), []);
  });

  it("refuses a folder that is no bundle", () => {
    for (let n = 0; n < 201; n++) write(`bundle/${n}`, "");
    assert.throws(() => makePrivateCopy(source, run), { code: "E2BIG" });
  });
});

describe("findNativeModules", () => {
  it("names a file for each package of the bundle that has one", () => {
    const found = findNativeModules();
    assert.deepEqual(
      found.map(({ name }) => name),
      [...NATIVE_MODULES.values()],
    );
    for (const { path } of found) assert.ok(statSync(path).size > 0);
  });
});
