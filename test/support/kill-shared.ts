/**
 * What several clients do to the same files under a mount whose server is killed again and again, and the check of all
 * their words together at the end.
 *
 * Below the shared directory: `race` (who creates a name first), `token` (a file that is moved away and back), `log`
 * (appended to by all), `counter` (changed under a lock), `many` (a directory of MANY_COUNT names that stay).
 */
import assert from "node:assert/strict";
import type { Prng } from "../../src/core/prng.ts";
import type { PosixDirectory } from "../conformance/posix/posix-directory.ts";
import type { PosixFile } from "../conformance/posix/posix-file.ts";
import { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } from "./posix-constants.ts";
import { namesOf, put, readAll, textOf } from "./posix-actions.ts";

export const SHARED = "shared";
export const MANY_COUNT = 5000;
const MANY = `${SHARED}/many`;
const TOKEN = `${SHARED}/token`;
const LOG = `${SHARED}/log`;
const COUNTER = `${SHARED}/counter`;
/** Clients that try within the same stretch of time try for the same names. */
const ROUND_MS = 25;
const RACES = ["file", "directory", "link", "symlink"] as const;
const EXTRA_COUNT_MAX = 40;

/** What one client believes to have done; plain JSON. */
export interface SharedReport {
  readonly index: number;
  /** Names it tried for, and those it got. */
  readonly tried: readonly string[];
  readonly won: readonly string[];
  readonly tokenCount: number;
  readonly logCount: number;
  readonly counterCount: number;
}

/** Names that are in the directory of many names all the time. */
export function manyNames(): ReadonlySet<string> {
  return new Set(Array.from({ length: MANY_COUNT }, (_, index) => `name-${index}`));
}

export const MANY_PATH: string = MANY;

/** Once, before any client. */
export function makeShared(root: PosixDirectory): void {
  root.mkdir(SHARED);
  root.mkdir(`${SHARED}/race`);
  root.mkdir(MANY);
  for (const name of manyNames()) root.open(`${MANY}/${name}`, O_CREAT | O_WRONLY).close();
  for (const path of [TOKEN, LOG, COUNTER]) put(root, path);
}

export class SharedClient implements Disposable {
  readonly #root: PosixDirectory;
  readonly #own: string;
  readonly #index: number;
  readonly #prng: Prng;
  readonly #log: PosixFile;
  readonly #counter: PosixFile;
  readonly #tried: string[] = [];
  readonly #won: string[] = [];
  readonly #extra: string[] = [];
  #extraCount = 0;
  #lastRound = -1;
  #tokenCount = 0;
  #logCount = 0;
  #counterCount = 0;

  /** `own` is a directory below the root that only this client uses. */
  constructor(options: {
    readonly root: PosixDirectory;
    readonly own: string;
    readonly index: number;
    readonly prng: Prng;
  }) {
    this.#root = options.root;
    this.#own = options.own;
    this.#index = options.index;
    this.#prng = options.prng;
    this.#log = this.#root.open(LOG, O_RDWR | O_APPEND);
    this.#counter = this.#root.open(COUNTER, O_RDWR);
    put(this.#root, `${this.#own}/mine`, String(this.#index));
  }

  step(): void {
    const steps = [
      () => this.#race(),
      () => this.#race(),
      () => this.#takeToken(),
      () => this.#append(),
      () => this.#count(),
      () => this.#change(),
    ];
    steps[this.#prng.below(steps.length)]!();
  }

  report(): SharedReport {
    return {
      index: this.#index,
      tried: this.#tried,
      won: this.#won,
      tokenCount: this.#tokenCount,
      logCount: this.#logCount,
      counterCount: this.#counterCount,
    };
  }

  [Symbol.dispose](): void {
    this.#log.close();
    this.#counter.close();
  }

  #race(): void {
    // The machine's clock, so that all clients have the same rounds.
    const slot = Math.floor((performance.timeOrigin + performance.now()) / ROUND_MS);
    if (slot === this.#lastRound) return;
    this.#lastRound = slot;
    const kind = RACES[slot % RACES.length]!;
    const name = `${kind}-${slot}`;
    this.#tried.push(name);
    try {
      this.#create(kind, `${SHARED}/race/${name}`);
      this.#won.push(name);
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST") throw error;
    }
  }

  #create(kind: (typeof RACES)[number], path: string): void {
    if (kind === "directory") {
      this.#root.mkdir(path);
      put(this.#root, `${path}/${this.#index}`);
    } else if (kind === "link") {
      this.#root.link(`${this.#own}/mine`, path);
    } else if (kind === "symlink") {
      this.#root.symlink(String(this.#index), path);
    } else {
      using file = this.#root.open(path, O_CREAT | O_EXCL | O_RDWR);
      file.write(0, Buffer.from(String(this.#index)));
    }
  }

  #takeToken(): void {
    const mine = `${this.#own}/token`;
    try {
      this.#root.rename(TOKEN, mine);
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return;
      throw error;
    }
    {
      using file = this.#root.open(mine, O_WRONLY | O_APPEND);
      file.write(0, Buffer.from(`${this.#index} ${this.#tokenCount++}\n`));
    }
    this.#root.rename(mine, TOKEN);
  }

  #append(): void {
    const record = Buffer.from(`${this.#index} ${this.#logCount++}\n`.padStart(24, " "));
    assert.equal(this.#log.write(0, record), record.length);
  }

  #count(): void {
    const { locks } = this.#root;
    try {
      locks.flock(this.#counter, "exclusive");
    } catch (error) {
      if ((error as { code?: string }).code === "EAGAIN") return;
      throw error;
    }
    const value = Number(Buffer.from(this.#counter.read(0, 24)).toString() || "0");
    this.#counter.write(0, Buffer.from(String(value + 1)));
    this.#counterCount++;
    locks.flock(this.#counter, "unlock");
  }

  /** Other names come to and go from the directory that is being read. */
  #change(): void {
    if (this.#extra.length < EXTRA_COUNT_MAX && this.#prng.below(2) === 0) {
      const name = `${MANY}/extra-${this.#index}-${this.#extraCount++}`;
      this.#root.open(name, O_CREAT | O_EXCL | O_RDONLY).close();
      this.#extra.push(name);
      return;
    }
    const [name] = this.#extra.splice(this.#prng.below(this.#extra.length), 1);
    if (name !== undefined) this.#root.unlink(name);
  }
}

/** Compares what all clients say with what is there. */
export function checkShared(root: PosixDirectory, reports: readonly SharedReport[]): void {
  checkRaces(root, reports);
  const total = (what: "counterCount"): number =>
    reports.reduce((sum, report) => sum + report[what], 0);
  assert.equal(Number(textOf(root, COUNTER) || "0"), total("counterCount"), "the counter");
  checkSequences(textOf(root, TOKEN), reports, "tokenCount");
  checkSequences(textOf(root, LOG), reports, "logCount");
  const names = namesOf(root, MANY);
  const constant = names.filter((name) => !name.startsWith("extra-"));
  assert.deepEqual(new Set(constant), manyNames());
}

function checkRaces(root: PosixDirectory, reports: readonly SharedReport[]): void {
  const winners = new Map<string, number>();
  for (const { index, won } of reports) {
    for (const name of won) {
      assert.equal(winners.get(name), undefined, `${name} was created twice`);
      winners.set(name, index);
    }
  }
  for (const { tried } of reports) {
    for (const name of tried) assert.ok(winners.has(name), `nobody created ${name}`);
  }
  assert.deepEqual(namesOf(root, `${SHARED}/race`), [...winners.keys()].sort());
  for (const [name, index] of winners) {
    const path = `${SHARED}/race/${name}`;
    assert.equal(creatorOf(root, path, name), String(index), name);
  }
}

function creatorOf(root: PosixDirectory, path: string, name: string): string {
  if (name.startsWith("directory")) return namesOf(root, path).join(" ");
  if (name.startsWith("symlink")) return root.readlink(path);
  using file = root.open(path, O_RDONLY);
  return Buffer.from(readAll(file)).toString();
}

/** Every client's records are there, once each and in their order. */
function checkSequences(
  text: string,
  reports: readonly SharedReport[],
  what: "tokenCount" | "logCount",
): void {
  const next = new Map(reports.map(({ index }) => [index, 0]));
  for (const line of text.split("\n").filter((found) => found !== "")) {
    const [index, count] = line.trim().split(" ").map(Number) as [number, number];
    assert.equal(count, next.get(index), `${what}: record of client ${index}: ${line}`);
    next.set(index, count + 1);
  }
  for (const report of reports) {
    assert.equal(next.get(report.index), report[what], `${what} of client ${report.index}`);
  }
}
