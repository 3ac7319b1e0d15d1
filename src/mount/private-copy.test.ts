import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { makePrivateCopy, ownProgram, type ProgramSource } from "./private-copy.ts";
import { removeStaleCopies } from "./stale-copies.ts";

const made: string[] = [];
let source: ProgramSource = { root: "", folders: [] };
let run = "";

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "shoal-copy-"));
  made.push(folder);
  run = join(folder, "run");
  mkdirSync(run);
  source = { root: join(folder, "program"), folders: ["src"] };
  write(
    "package.json",
    '{"type":"module","dependencies":{"a":"1"},"optionalDependencies":{"gone":"1"}}',
  );
  write(
    "src/deep/main.ts",
    'import { b } from "../part.ts";\nconst n: number = b;\nconsole.log(n);\n',
  );
  write("src/part.ts", 'import { a } from "a";\nexport const b: number = a + 1;\n');
  write("src/part.test.ts", "throw new Error();\n");
  write(
    "node_modules/a/package.json",
    '{"name":"a","type":"module","exports":"./i.js","dependencies":{"c":"1"}}',
  );
  write("node_modules/a/i.js", 'import c from "c"; export const a = c;\n');
  write("node_modules/a/README.md", "x");
  write("node_modules/c/package.json", '{"name":"c","main":"i.cjs"}');
  write("node_modules/c/i.cjs", "module.exports = 100;\n");
  write("node_modules/unused/package.json", '{"name":"unused"}');
});
after(() => {
  for (const folder of made) rmSync(folder, { recursive: true });
});

function write(name: string, text: string): void {
  const path = join(source.root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function output(module: string): string {
  return execFileSync(process.execPath, [module], { encoding: "utf8", cwd: "/" }).trim();
}

describe("makePrivateCopy", () => {
  it("runs without the source, with its packages and without types", () => {
    const copy = makePrivateCopy(source, run);
    assert.equal(copy.isNew, true);
    const module = copy.modulePath(join(source.root, "src/deep/main.ts"));
    rmSync(source.root, { recursive: true });
    assert.equal(output(module), "101");
    assert.equal(module, join(copy.root, "src/deep/main.js"));
    assert.doesNotMatch(readFileSync(module, "utf8"), /: number/);
    assert.equal(existsSync(join(copy.root, "src/part.test.js")), false);
    assert.equal(existsSync(join(copy.root, "node_modules/unused")), false);
    assert.equal(existsSync(join(copy.root, "node_modules/a/README.md")), false);
  });

  it("shares no file with the source, so that rewriting one in place changes nothing", () => {
    const copy = makePrivateCopy(source, run);
    write("node_modules/c/i.cjs", "module.exports = 200;\n");
    write("src/part.ts", "export const b = 0;\n");
    assert.equal(output(copy.modulePath(join(source.root, "src/deep/main.ts"))), "101");
    assert.equal(statSync(join(copy.root, "node_modules/c/i.cjs")).nlink, 1);
  });

  it("is found again while nothing changed, and another one once something did", () => {
    const first = makePrivateCopy(source, run);
    assert.deepEqual(
      { ...makePrivateCopy(source, run), modulePath: first.modulePath },
      { ...first, isNew: false },
    );
    write("node_modules/c/i.cjs", "module.exports = 2000;\n");
    const second = makePrivateCopy(source, run);
    assert.notEqual(second.root, first.root);
    assert.equal(output(second.modulePath(join(source.root, "src/deep/main.ts"))), "2001");
    mkdirSync(`${second.root}.half-made`);
    assert.equal(removeStaleCopies(run, second.root), 2);
    assert.equal(readdirSync(run).length, 1);
  });

  it("places a second version of a package below the one that wants it", () => {
    write("node_modules/a/node_modules/c/package.json", '{"name":"c","main":"i.cjs"}');
    write("node_modules/a/node_modules/c/i.cjs", "module.exports = 500;\n");
    write("package.json", '{"type":"module","dependencies":{"a":"1","c":"1"}}');
    write("src/deep/main.ts", 'import { a } from "a"; import c from "c";\nconsole.log(a, c);\n');
    const copy = makePrivateCopy(source, run);
    assert.equal(output(copy.modulePath(join(source.root, "src/deep/main.ts"))), "500 100");
  });

  it("refuses a program whose package is missing, and leaves nothing half made", () => {
    rmSync(join(source.root, "node_modules/c"), { recursive: true });
    assert.throws(() => makePrivateCopy(source, run), { code: "ENOENT", message: /package c/ });
    assert.deepEqual(readdirSync(run), []);
  });

  it("holds all that this program imports", () => {
    const copy = makePrivateCopy(ownProgram(), run);
    const module = copy.modulePath(join(ownProgram().root, "src/mount/supervisor-process.ts"));
    const code = `import(${JSON.stringify(module)}).then((m) => console.log(typeof m.runSupervisorProcess))`;
    const text = execFileSync(process.execPath, ["-e", code], { encoding: "utf8", cwd: "/" });
    assert.equal(text.trim(), "function");
  });
});
