import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SystemClock } from "../core/clock.ts";
import { findNativeModules } from "./native-modules.ts";
import { makePrivateCopy } from "./private-copy.ts";
import { findBundle } from "./program-bundle.ts";

const clock = new SystemClock();
/** Of the processes and threads of a mount. */
const ENTRIES: readonly string[] = [
  "supervisor-main",
  "volume-main",
  "volume-engine",
  "thread-main",
  "engine-thread",
  "flush-thread",
  "pack-thread",
  "notifier-worker",
  "fsck-thread",
];

describe("the bundle of this clone", () => {
  let folder = "";
  let bundle = "";

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "shoal-bundle-"));
    bundle = findBundle(folder, clock.nowMs());
  });
  after(() => rmSync(folder, { recursive: true }));

  it("has a file for each process and thread, with the names that a stack shows", () => {
    const names = readdirSync(bundle);
    for (const entry of ENTRIES) assert.ok(names.includes(`${entry}.js`), entry);
    const text = readFileSync(join(bundle, "engine-thread.js"), "utf8");
    assert.match(text, /\bfunction copyUnflushed\(options, scan, target\) \{\n/);
  });

  it("needs nothing but what Node has and what lies beside it", () => {
    const names = readdirSync(bundle).filter((name) => name.endsWith(".js"));
    for (const name of names) {
      const text = readFileSync(join(bundle, name), "utf8");
      for (const [, wanted] of text.matchAll(/\brequire\("([^"]+)"\)/g))
        assert.ok(/^(?:\.\/|node:|url$)/.test(wanted!) || isBuiltin(wanted!), `${name}: ${wanted}`);
    }
  });

  it("is made once, and found again", () => {
    assert.equal(findBundle(folder, clock.nowMs()), bundle);
    assert.deepEqual(readdirSync(folder), []);
  });

  it("loads in a private copy, native modules included", () => {
    const run = join(folder, "run");
    mkdirSync(run);
    const { root } = makePrivateCopy({ bundle, natives: findNativeModules() }, run);
    const code = `console.log(typeof require(${JSON.stringify(join(root, "volume-engine.js"))}).loadEngine)`;
    const text = execFileSync(process.execPath, ["-e", code], { encoding: "utf8", cwd: "/" });
    assert.equal(text.trim(), "function");
    rmSync(run, { recursive: true });
  });
});

function isBuiltin(name: string): boolean {
  return process.getBuiltinModule(name) !== undefined;
}
