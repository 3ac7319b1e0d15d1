/**
 * Loaded before the program (`NODE_OPTIONS=--import …`) into every process and thread of a mount under test: makes the
 * volume process kill itself at named points, as often as it starts again, as long as the file at KILL_POINTS_ENV is there.
 *
 * Each life picks one point and how often it passes it first. Before the end it appends the point's name to the file. The
 * product knows nothing of this: classes are changed as their modules are loaded, in the bundle that a mount runs.
 */
import { appendFileSync, existsSync } from "node:fs";
import { registerHooks } from "node:module";
import { Prng } from "../../src/core/prng.ts";

/** Names the file in the environment of the mount. */
export const KILL_POINTS_ENV = "SHOAL_TEST_KILL_POINTS";

/** Names a rule that is left out, to show that it is missed. */
export const MUTATION_ENV = "SHOAL_TEST_MUTATION";
/** Names the only point that kills. */
export const ONLY_POINT_ENV = "SHOAL_TEST_KILL_POINT";

export const KILL_POINTS = [
  "after read",
  "before journal",
  "after journal",
  "after write journal",
  "after reply",
  "before flush",
  "after flush",
  "before commit",
  "after commit",
] as const;
type KillPoint = (typeof KILL_POINTS)[number];

/** How often a point is passed at most before it kills: lives of about a second under load. */
const PASS_COUNT_MAX: Readonly<Record<KillPoint, number>> = {
  "after read": 600,
  "before journal": 300,
  "after journal": 300,
  "after write journal": 100,
  "after reply": 600,
  "before flush": 4,
  "after flush": 4,
  "before commit": 2,
  "after commit": 2,
};

type Method = (...args: unknown[]) => unknown;

interface Patch {
  readonly className: string;
  readonly method: string;
  readonly before?: KillPoint;
  readonly after?: KillPoint;
}

const PATCHES: readonly Patch[] = [
  { className: "Dispatcher", method: "dispatch", before: "after read" },
  {
    className: "Journal",
    method: "append",
    before: "before journal",
    after: "after journal",
  },
  {
    className: "Journal",
    method: "appendWrite",
    after: "after write journal",
  },
  { className: "Reply", method: "send", after: "after reply" },
  {
    className: "NodeDisk",
    method: "datasync",
    before: "before flush",
    after: "after flush",
  },
  {
    className: "SqliteTables",
    method: "commit",
    before: "before commit",
    after: "after commit",
  },
];

interface Mutation {
  readonly className: string;
  readonly method: string;
  readonly make: (original: Method) => Method;
}

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  /** The last record is not compared with the request that comes again. */
  J7: { className: "Executor", method: "setRecorded", make: () => () => undefined },
  /** Each start is taken for a new kernel connection: open orphans are reaped. */
  J8: {
    className: "EngineServer",
    method: "serve",
    make: (original) =>
      function (this: unknown): unknown {
        return original.call(this, 1);
      },
  },
};

/** What the changed modules call, under this name of the global object. */
const GLOBAL_NAME = "shoalTestKillPoints";

function install(file: string): void {
  const prng = new Prng(process.pid * 7919);
  const chosen = KILL_POINTS[prng.below(KILL_POINTS.length)]!;
  const point = (process.env[ONLY_POINT_ENV] as KillPoint | undefined) ?? chosen;
  let passesLeft = 1 + prng.below(PASS_COUNT_MAX[point]);
  const pass = (passed: KillPoint | undefined): void => {
    if (passed !== point || --passesLeft > 0 || !existsSync(file)) return;
    appendFileSync(file, `${point}\n`);
    process.kill(process.pid, "SIGKILL");
  };
  Object.assign(globalThis, {
    [GLOBAL_NAME]: (className: string, patched: { readonly prototype: object }): void => {
      const prototype = patched.prototype as Record<string, Method>;
      const mutation = MUTATIONS[process.env[MUTATION_ENV] ?? ""];
      if (mutation?.className === className) {
        prototype[mutation.method] = mutation.make(prototype[mutation.method]!);
      }
      for (const { method, before, after } of PATCHES.filter(
        (one) => one.className === className,
      )) {
        const original = prototype[method]!;
        prototype[method] = function (this: unknown, ...args: unknown[]): unknown {
          pass(before);
          const result = original.apply(this, args);
          pass(after);
          return result;
        };
      }
    },
  });
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!/\.[jt]s$/u.test(url)) return loaded;
      return { ...loaded, source: withCalls(String(loaded.source)) };
    },
  });
}

/** Each class that is changed, wherever the bundle has put it, tells of itself as soon as it is made. */
function withCalls(source: string): string {
  const names = [...PATCHES, ...Object.values(MUTATIONS)].map(({ className }) => className);
  return [...new Set(names)].reduce((text, name) => {
    const begin = new RegExp(
      `(?:class ${name}|${name} = class(?: \\w+)?)(?: (?:extends|implements) \\w+)? \\{`,
      "u",
    );
    return text.replace(begin, `$& static { globalThis.${GLOBAL_NAME}("${name}", this); }`);
  }, source);
}

const file = process.env[KILL_POINTS_ENV];
if (file !== undefined) install(file);
