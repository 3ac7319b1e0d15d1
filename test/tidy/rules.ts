/**
 * The house rules of one file, each a function from a file to what is wrong with it. What needs more than one file is in
 * tidy.test.ts.
 */
import { posix } from "node:path";
import { isFunction, type SourceFile, type SyntaxNode, visit } from "./source-file.ts";

export const FILE_CODE_LINES_MAX = 500;
export const FUNCTION_CODE_LINES_MAX = 70;

export type Rule = (file: SourceFile) => string[];

/** Names that say nothing of what is inside. */
const EMPTY_NAMES: ReadonlySet<string> = new Set([
  "utils",
  "util",
  "common",
  "types",
  "helpers",
  "misc",
]);
const KEBAB_PATH = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:[-.][a-z0-9]+)*\.ts$/u;
/** Only these may gather the exports of others. */
const PUBLISHED_ENTRIES: ReadonlySet<string> = new Set([
  "src/volume/index.ts",
  "src/fuse/index.ts",
  "src/ltx/index.ts",
]);

/** What lies below `layer` in the table may not be imported by it. `table` gives each layer all it may import. */
export function layerRule(table: Readonly<Record<string, readonly string[]>>): Rule {
  return (file) => {
    if (!file.isSource) return [];
    const layer = layerOf(file.path);
    const allowed = layer === undefined ? undefined : table[layer];
    if (layer === undefined || allowed === undefined) return ["lies in no layer of the table"];
    return file.imports().flatMap(({ specifier, line }) => {
      if (!specifier.startsWith(".")) return [];
      const target = posix.join(posix.dirname(file.path), specifier);
      if (!target.startsWith("src/")) {
        const isAllowed = file.isTest ? target.startsWith("test/") : false;
        return isAllowed ? [] : [`line ${line}: ${specifier} lies outside of src`];
      }
      if (target.endsWith(".test.ts")) return [`line ${line}: ${specifier} is a test`];
      const imported = layerOf(target);
      if (imported === layer || (imported !== undefined && allowed.includes(imported))) return [];
      return [`line ${line}: ${layer}/ may not import from ${imported ?? "src"}/ (${specifier})`];
    });
  };
}

/** Code that ships needs only what is installed with it. */
export function packageRule(dependencies: readonly string[]): Rule {
  return (file) => {
    if (!file.isSource || file.isTest) return [];
    return file.imports().flatMap(({ specifier, line }) => {
      if (specifier.startsWith(".") || specifier.startsWith("node:")) return [];
      const name = specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/");
      return dependencies.includes(name) ? [] : [`line ${line}: ${name} is no dependency`];
    });
  };
}

export const nameRule: Rule = ({ path }) => {
  const problems: string[] = [];
  if (!KEBAB_PATH.test(path)) problems.push("the name is not in kebab-case");
  const stem = posix.basename(path).split(".")[0]!;
  if (EMPTY_NAMES.has(stem)) problems.push(`the name ${stem} says nothing: name the concept`);
  return problems;
};

export const fileSizeRule: Rule = (file) => {
  const count = file.codeLineCount(0, file.code.length);
  return count > FILE_CODE_LINES_MAX ? [`${count} lines of code`] : [];
};

/**
 * In code that ships a function counts with all inside it. In tests a function that only holds others (`describe`, a
 * suite) counts without them.
 */
export const functionSizeRule: Rule = (file) => {
  const isCounted = file.isSource && !file.isTest;
  return file.functions().flatMap((node) => {
    const whole = file.codeLineCount(node.start, node.end);
    const inner = isCounted ? 0 : innerLineCount(file, node);
    const count = whole - inner;
    if (count <= FUNCTION_CODE_LINES_MAX) return [];
    return [`line ${file.lineOf(node.start)}: a function of ${count} lines of code`];
  });
};

export const headerRule: Rule = (file) => {
  if (!file.isSource || file.isTest) return [];
  return file.text.startsWith("/**")
    ? []
    : ["does not begin with a header: /** what it is for … */"];
};

export const exportRule: Rule = (file) => {
  const problems: string[] = [];
  let ownCount = 0;
  let foreignCount = 0;
  for (const node of file.program["body"] as SyntaxNode[]) {
    if (node.type === "ExportDefaultDeclaration") problems.push("has a default export");
    const isForeign = node.type === "ExportAllDeclaration" || node["source"] != null;
    if (node.type === "ExportAllDeclaration") problems.push("exports everything of another file");
    if (node.type === "ImportDeclaration") continue;
    if (isForeign) foreignCount++;
    else ownCount++;
  }
  const isEntry = PUBLISHED_ENTRIES.has(file.path);
  if (foreignCount > 0 && ownCount === 0 && !isEntry) problems.push("is a barrel");
  if (file.isSource && posix.basename(file.path) === "index.ts" && !isEntry) {
    problems.push("is an index.ts, but no published entry");
  }
  return problems;
};

/** Time and chance are passed in, so that a run can be repeated. */
export const worldRule: Rule = (file) => {
  if (!file.isSource || file.isTest || layerOf(file.path) === "core") return [];
  const problems: string[] = [];
  visit(file.program, (node) => {
    const name = worldUse(node);
    if (name !== undefined) {
      problems.push(`line ${file.lineOf(node.start)}: ${name} belongs to core (Clock, Prng)`);
    }
  });
  return problems;
};

export const unfinishedRule: Rule = (file) =>
  file.comments
    .filter(({ value }) => /\b(?:TODO|FIXME|XXX|HACK)\b/u.test(value))
    .map(({ start }) => `line ${file.lineOf(start)}: unfinished`);

/** `it.only` and its kin make all other tests pass unseen. */
export const onlyRule: Rule = (file) => {
  if (!file.isTest) return [];
  const problems: string[] = [];
  visit(file.program, (node) => {
    if (node.type !== "CallExpression") return;
    const callee = node["callee"] as SyntaxNode;
    const name = file.code.slice(callee.start, callee.end);
    const isAlone =
      /^(?:it|test|describe|suite)\.only$/u.test(name) ||
      (/^(?:it|test|describe|suite)$/u.test(name) && hasOnlyOption(node));
    if (isAlone) problems.push(`line ${file.lineOf(node.start)}: runs only itself`);
  });
  return problems;
};

/** A unit test stands beside what it tests: `x.test.ts`, or `x.aspect.test.ts`, beside `x.ts`. */
export function neighbourRule(paths: ReadonlySet<string>): Rule {
  return (file) => {
    if (!file.isSource || !file.isTest) return [];
    const stem = posix.basename(file.path).split(".")[0]!;
    const subject = posix.join(posix.dirname(file.path), `${stem}.ts`);
    return paths.has(subject) ? [] : [`stands beside no ${stem}.ts`];
  };
}

function layerOf(path: string): string | undefined {
  return /^src\/([^/]+)\/./u.exec(path)?.[1];
}

function innerLineCount(file: SourceFile, outer: SyntaxNode): number {
  let count = 0;
  visit(outer, (node) => {
    if (node === outer || !isFunction(node)) return true;
    count += file.codeLineCount(node.start, node.end) - 1;
    return false;
  });
  return count;
}

/** `it("…", { only: true }, …)` */
function hasOnlyOption(call: SyntaxNode): boolean {
  return (call["arguments"] as SyntaxNode[])
    .filter(({ type }) => type === "ObjectExpression")
    .flatMap((options) => options["properties"] as SyntaxNode[])
    .some((property) => (property["key"] as SyntaxNode | undefined)?.["name"] === "only");
}

function worldUse(node: SyntaxNode): string | undefined {
  if (node.type === "MemberExpression") {
    const object = node["object"] as SyntaxNode;
    const property = node["property"] as SyntaxNode;
    const name = `${String(object["name"])}.${String(property["name"])}`;
    return name === "Date.now" || name === "Math.random" ? name : undefined;
  }
  const callee = node["callee"] as SyntaxNode | undefined;
  if (node.type === "CallExpression") {
    const name = String(callee!["name"]);
    return name === "setTimeout" || name === "setInterval" ? name : undefined;
  }
  const isNow =
    node.type === "NewExpression" &&
    callee!["name"] === "Date" &&
    (node["arguments"] as unknown[]).length === 0;
  return isNow ? "new Date()" : undefined;
}
