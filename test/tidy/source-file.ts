/**
 * A source file as the house rules look at it: its syntax tree, its comments, its imports and its lines of code.
 * Source of the tree: oxc-parser, ESTree with TypeScript's nodes.
 */
import { parseSync } from "oxc-parser";

export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export interface ImportUse {
  readonly specifier: string;
  readonly line: number;
}

export class SourceFile {
  /** From the root of the clone, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly program: SyntaxNode;
  readonly comments: readonly { readonly value: string; readonly start: number }[];
  /** The text with every comment blanked out; same length, same lines. */
  readonly code: string;
  readonly #lineStarts: readonly number[];

  /** Throws when the text is no TypeScript. */
  constructor(path: string, text: string) {
    const { program, comments, errors } = parseSync(path, text);
    if (errors.length > 0) throw new Error(`${path}: ${errors[0]!.message}`);
    this.path = path;
    this.text = text;
    this.program = program as unknown as SyntaxNode;
    this.comments = comments;
    this.code = comments.reduce(
      (code, { start, end }) =>
        code.slice(0, start) + text.slice(start, end).replaceAll(/[^\n]/gu, " ") + code.slice(end),
      text,
    );
    this.#lineStarts = [0, ...Array.from(text.matchAll(/\n/gu), ({ index }) => index + 1)];
  }

  get isTest(): boolean {
    return this.path.endsWith(".test.ts");
  }

  get isSource(): boolean {
    return this.path.startsWith("src/");
  }

  /** Counts from 1. */
  lineOf(offset: number): number {
    return this.#lineStarts.findLastIndex((start) => start <= offset) + 1;
  }

  /** Lines between two offsets that hold code, and not only comment or nothing. */
  codeLineCount(start: number, end: number): number {
    return this.code
      .slice(start, end)
      .split("\n")
      .filter((line) => line.trim() !== "").length;
  }

  /** Imports, re-exports and `import()` of a literal, types too. */
  imports(): ImportUse[] {
    const uses: ImportUse[] = [];
    visit(this.program, (node) => {
      const source = node["source"] as SyntaxNode | null | undefined;
      const isImport = /^(?:Import|Export)(?:All|Named)?(?:Declaration|Expression)$/u.test(
        node.type,
      );
      if (!isImport || typeof source?.["value"] !== "string") return;
      uses.push({ specifier: source["value"], line: this.lineOf(node.start) });
    });
    return uses;
  }

  /** Every function, method and arrow with a body. */
  functions(): SyntaxNode[] {
    const found: SyntaxNode[] = [];
    visit(this.program, (node) => {
      if (isFunction(node) && node["body"] !== null) found.push(node);
    });
    return found;
  }
}

export function isFunction(node: SyntaxNode): boolean {
  return /^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/u.test(node.type);
}

/** Calls `enter` for the node and all below it; `enter` that returns false keeps out of a node's children. */
export function visit(node: SyntaxNode, enter: (node: SyntaxNode) => boolean | void): void {
  if (enter(node) === false) return;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (isNode(child)) visit(child, enter);
    }
  }
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}
