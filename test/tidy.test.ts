/**
 * The house rules that a program can check: layers, names, sizes, headers and what may not be there. Each rule is first
 * shown to find what it looks for, then run over every file.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  exportRule,
  fileSizeRule,
  functionSizeRule,
  headerRule,
  layerRule,
  nameRule,
  neighbourRule,
  onlyRule,
  packageRule,
  type Rule,
  unfinishedRule,
  worldRule,
} from "./tidy/rules.ts";
import { SourceFile } from "./tidy/source-file.ts";

const ROOT = join(import.meta.dirname, "..");

/** What each layer may import besides itself: only layers above it in this table. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  sys: ["core"],
  ltx: ["core"],
  object: ["core"],
  journal: ["core"],
  meta: ["core"],
  pack: ["core", "object"],
  vfs: ["core", "journal", "meta", "pack"],
  cut: ["core", "journal", "meta", "pack", "vfs"],
  timeline: ["core", "ltx", "object"],
  replication: ["core", "ltx", "object", "timeline"],
  gc: ["core", "object", "meta", "pack", "timeline"],
  fuse: ["core", "sys", "vfs"],
  volume: without("fuse"),
  mount: [...without(), "volume"],
  cli: [...without(), "volume", "mount"],
};

/** The layers above volume, less one. */
function without(excluded?: string): string[] {
  const above = "core sys ltx object journal meta pack vfs cut timeline replication gc fuse".split(
    " ",
  );
  return above.filter((layer) => layer !== excluded);
}

const PATHS = globSync("{src,test,bench,scripts}/**/*.ts", {
  cwd: ROOT,
  exclude: (name) => name === "node_modules",
}).toSorted();
const FILES = PATHS.map((path) => new SourceFile(path, readFileSync(join(ROOT, path), "utf8")));
const MANIFEST = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

/** Runs `rule` over every file; the message lists all that is wrong at once. */
function checkAll(rule: Rule): void {
  const problems = FILES.flatMap((file) => rule(file).map((problem) => `${file.path}: ${problem}`));
  assert.ok(problems.length === 0, `\n${problems.join("\n")}`);
}

/** Shows that `rule` finds something in `text`. */
function assertFinds(rule: Rule, path: string, text: string): void {
  assert.notDeepEqual(rule(new SourceFile(path, text)), [], `${path}: ${text.slice(0, 80)}`);
}

function assertPasses(rule: Rule, path: string, text: string): void {
  assert.deepEqual(rule(new SourceFile(path, text)), []);
}

describe("the tree", () => {
  it("is looked at", () => {
    assert.ok(FILES.length > 50);
    assert.ok(PATHS.includes("src/core/fs-error.ts") && PATHS.includes("test/tidy.test.ts"));
  });

  it("holds a table in which layers import only what stands above them", () => {
    const names = Object.keys(LAYERS);
    for (const [layer, allowed] of Object.entries(LAYERS)) {
      for (const other of allowed) {
        assert.ok(names.indexOf(other) < names.indexOf(layer), `${layer} imports ${other}`);
      }
    }
  });

  it("imports only upwards in the table of layers", () => {
    const rule = layerRule(LAYERS);
    assertFinds(rule, "src/core/a.ts", 'import type { B } from "../meta/b.ts";');
    assertFinds(rule, "src/core/a.ts", 'export { b } from "../meta/b.ts";');
    assertFinds(rule, "src/core/a.ts", 'const b = await import("../meta/b.ts");');
    assertFinds(rule, "src/volume/a.ts", 'import { b } from "../fuse/b.ts";');
    assertFinds(rule, "src/cli/a.ts", 'import { b } from "../../test/support/b.ts";');
    assertFinds(rule, "src/cli/a.ts", 'import { b } from "./b.test.ts";');
    assertFinds(rule, "src/nowhere/a.ts", "");
    assertFinds(rule, "src/a.ts", "");
    assertPasses(rule, "src/cli/x/a.ts", 'import { b } from "../../core/b.ts";');
    assertPasses(rule, "src/cli/a.test.ts", 'import { b } from "../../test/support/b.ts";');
    checkAll(rule);
  });

  it("ships nothing that needs more than the dependencies", () => {
    const rule = packageRule(Object.keys(MANIFEST.dependencies));
    assertFinds(rule, "src/core/a.ts", 'import * as fc from "fast-check";');
    assertFinds(rule, "src/core/a.ts", 'import { readFileSync } from "fs";');
    assertPasses(rule, "src/core/a.ts", 'import { readFileSync } from "node:fs";');
    assertPasses(rule, "src/core/a.test.ts", 'import * as fc from "fast-check";');
    checkAll(rule);
  });

  it("names files in kebab-case, for what they hold", () => {
    assertFinds(nameRule, "src/core/fsError.ts", "");
    assertFinds(nameRule, "src/core/fs_error.ts", "");
    assertFinds(nameRule, "src/core/utils.ts", "");
    assertFinds(nameRule, "src/core/types.test.ts", "");
    assertPasses(nameRule, "src/core/fs-error.process.test.ts", "");
    checkAll(nameRule);
  });

  it("holds at most 500 lines of code a file", () => {
    assertFinds(fileSizeRule, "src/core/a.ts", "let a = 1;\n".repeat(501));
    assertPasses(
      fileSizeRule,
      "src/core/a.ts",
      `${"let a = 1;\n".repeat(500)}${"// a\n\n".repeat(50)}`,
    );
    checkAll(fileSizeRule);
  });

  it("holds at most 70 lines of code a function", () => {
    const body = "  a();\n".repeat(69);
    assertFinds(functionSizeRule, "src/core/a.ts", `function f() {\n${body}}\n`);
    assertFinds(functionSizeRule, "src/core/a.ts", `class A {\n  m = () => {\n${body}  };\n}\n`);
    assertFinds(
      functionSizeRule,
      "src/core/a.ts",
      `function f() {\n  g(() => {\n${body}  });\n}\n`,
    );
    assertPasses(functionSizeRule, "src/core/a.ts", `function f() {\n${"  a();\n".repeat(68)}}\n`);
    const nested = `describe("a", () => {\n  it("b", () => {\n${"a();\n".repeat(60)}  });\n${"a();\n".repeat(60)}});`;
    assertPasses(functionSizeRule, "src/core/a.test.ts", nested);
    checkAll(functionSizeRule);
  });

  it("begins every file of src with a header", () => {
    assertFinds(headerRule, "src/core/a.ts", "export const a = 1;");
    assertPasses(headerRule, "src/core/a.ts", "/** One. */\nexport const a = 1;");
    checkAll(headerRule);
  });

  it("has no default exports, and no barrels but the published entries", () => {
    assertFinds(exportRule, "src/core/a.ts", "export default 1;");
    assertFinds(exportRule, "src/core/a.ts", 'export * from "./b.ts";');
    assertFinds(exportRule, "src/core/a.ts", 'export { b } from "./b.ts";');
    assertFinds(exportRule, "src/core/index.ts", "export const a = 1;");
    assertPasses(exportRule, "src/volume/index.ts", 'export { b } from "./b.ts";');
    checkAll(exportRule);
  });

  it("asks the time, waits and rolls dice in core only", () => {
    for (const use of ["Date.now()", "Math.random()", "setTimeout(f, 1)", "new Date()"]) {
      assertFinds(worldRule, "src/meta/a.ts", `const a = ${use};`);
      assertPasses(worldRule, "src/core/a.ts", `const a = ${use};`);
      assertPasses(worldRule, "src/meta/a.test.ts", `const a = ${use};`);
    }
    assertFinds(worldRule, "src/meta/a.ts", "const now = Date.now;");
    assertPasses(worldRule, "src/meta/a.ts", "// Date.now()\nconst a = new Date(ms);");
    checkAll(worldRule);
  });

  it("leaves nothing unfinished", () => {
    assertFinds(unfinishedRule, "src/core/a.ts", "// TODO: more");
    assertPasses(unfinishedRule, "src/core/a.ts", 'const todo = "later";');
    checkAll(unfinishedRule);
  });

  it("runs every test: none is marked as the only one", () => {
    assertFinds(onlyRule, "src/core/a.test.ts", 'it.only("a", () => {});');
    assertFinds(onlyRule, "src/core/a.test.ts", 'it("a", { only: true }, () => {});');
    assertPasses(onlyRule, "src/core/a.test.ts", 'it("a only", () => {});');
    checkAll(onlyRule);
  });

  it("puts a unit test beside what it tests", () => {
    const rule = neighbourRule(new Set(PATHS));
    assertFinds(rule, "src/core/nothing.test.ts", "");
    assertPasses(rule, "src/core/fs-error.test.ts", "");
    assertPasses(rule, "src/core/fs-error.process.test.ts", "");
    checkAll(rule);
  });
});
