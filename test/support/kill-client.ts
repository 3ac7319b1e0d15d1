/**
 * A client process of the kill tests: works on a mount until it is told to stop, and knows all the time what every call
 * must answer. Started by `startClient` (kill-run.ts) with a ClientOrder as its only argument.
 *
 * The first error or wrong answer ends it: it tells its parent which, with the seed and the step.
 */
import { openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Prng } from "../../src/core/prng.ts";
import { LinuxDirectory } from "../conformance/posix/linux-directory.ts";
import { ROOT_CALLER } from "../conformance/posix/linux-context.ts";
import { CommandRunner } from "../model/command-runner.ts";
import { createModel } from "../model/model-directory.ts";
import { randomCommand } from "../model/model-commands.ts";
import { compareTrees, FIRST_COUNTED_NS } from "../model/tree-comparison.ts";
import { monotonicMs } from "./kill-clock.ts";
import { OnceLoop, PrivateFiles, SlowReader } from "./kill-files.ts";
import { MANY_PATH, manyNames, SharedClient, type SharedReport } from "./kill-shared.ts";
import { mountModelRun } from "./mount-model.ts";
import { SqliteLoop } from "./kill-sqlite.ts";

export interface ClientOrder {
  readonly kind: "mixed" | "once" | "sqlite";
  readonly mountPoint: string;
  readonly index: number;
  readonly seed: number;
  /** Waits so long after every few steps: a load that leaves the machine to others. */
  readonly paceMs?: number;
}

/** When a call that took long began and ended, in milliseconds of the machine's monotonic clock. */
export type SlowCall = readonly [startMs: number, endMs: number];

export interface ClientReport {
  readonly stepCount: number;
  readonly slow: readonly SlowCall[];
  readonly shared?: SharedReport;
}

export type FromClient =
  | { readonly type: "ready" }
  | { readonly type: "beat"; readonly stepCount: number }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "done"; readonly report: ClientReport };

export type ToClient = { readonly type: "start" | "stop" };

/** Calls that took longer are reported. */
const SLOW_MS = 5;
/** Steps between two looks at what the parent says. */
const BATCH_COUNT = 8;
const BEAT_STEP_COUNT = 64;
/** Commands of the model between two comparisons of the whole trees. */
const COMPARE_EVERY = 400;

interface Work extends Disposable {
  step(): void;
  /** Looks at everything. */
  checkAll(): void;
  readonly shared?: SharedReport;
}

async function main(order: ClientOrder): Promise<void> {
  const slow: SlowCall[] = [];
  let stepCount = 0;
  let isStopping = false;
  const started = Promise.withResolvers<void>();
  // Whoever started us is gone: nobody is told anything any more.
  process.on("disconnect", () => process.exit(1));
  process.on("message", ({ type }: ToClient) => {
    if (type === "stop") isStopping = true;
    started.resolve();
  });
  try {
    using work = makeWork(order);
    await tell({ type: "ready" });
    await started.promise;
    while (!isStopping) {
      for (let i = 0; i < BATCH_COUNT; i++) {
        const startMs = monotonicMs();
        work.step();
        const endMs = monotonicMs();
        if (endMs - startMs > SLOW_MS) slow.push([startMs, endMs]);
        stepCount++;
      }
      if (stepCount % BEAT_STEP_COUNT === 0) await tell({ type: "beat", stepCount });
      await sleep(order.paceMs ?? 0);
    }
    work.checkAll();
    const { shared } = work;
    const report = { stepCount, slow, ...(shared === undefined ? {} : { shared }) };
    await tell({ type: "done", report });
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const code = (error as { code?: string }).code ?? "";
    const message = `SEED=${order.seed} client ${order.index} step ${stepCount}: ${code} ${text}`;
    await tell({ type: "failed", message });
    process.exitCode = 1;
  }
  process.removeAllListeners("disconnect");
  process.disconnect?.();
}

function makeWork(order: ClientOrder): Work {
  const root = directoryAt(order.mountPoint);
  const own = `client-${order.index}`;
  root.mkdir(own);
  const directory = directoryAt(`${order.mountPoint}/${own}`);
  switch (order.kind) {
    case "mixed":
      return new MixedWork(root, directory, order);
    case "once":
      return new OnceLoop(directory);
    case "sqlite":
      return new SqliteLoop(`${order.mountPoint}/${own}`, order.index % 2 === 0 ? "wal" : "delete");
  }
}

/** Everything that can be checked at once, in turns. */
class MixedWork implements Work {
  readonly #prng: Prng;
  readonly #files: PrivateFiles;
  readonly #once: OnceLoop;
  readonly #shared: SharedClient;
  readonly #reader: SlowReader;
  readonly #model: ModelWork;

  constructor(root: LinuxDirectory, directory: LinuxDirectory, order: ClientOrder) {
    const prng = new Prng(order.seed);
    this.#prng = prng;
    this.#files = new PrivateFiles(directory, prng);
    this.#once = new OnceLoop(directory);
    const own = `client-${order.index}`;
    this.#shared = new SharedClient({ root, own, index: order.index, prng });
    const constant = manyNames();
    this.#reader = new SlowReader({ directory: root, path: MANY_PATH, constant, prng });
    directory.mkdir("model");
    this.#model = new ModelWork(`${order.mountPoint}/${own}/model`, order.seed);
  }

  get shared(): SharedReport {
    return this.#shared.report();
  }

  step(): void {
    const kind = this.#prng.below(16);
    if (kind < 6) this.#model.step();
    else if (kind < 11) this.#files.step();
    else if (kind < 14) this.#shared.step();
    else if (kind < 15) this.#once.step();
    else this.#reader.step();
  }

  checkAll(): void {
    this.#files.checkAll();
    this.#once.checkAll();
    this.#model.checkAll();
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
    this.#once[Symbol.dispose]();
    this.#shared[Symbol.dispose]();
    this.#reader[Symbol.dispose]();
    this.#model[Symbol.dispose]();
  }
}

/** The commands of test/model, whose every answer is known. */
class ModelWork implements Work {
  readonly #prng: Prng;
  readonly #subject: CommandRunner;
  readonly #model: CommandRunner;
  readonly #commands: ReturnType<typeof mountModelRun>["commands"];
  #now: bigint = FIRST_COUNTED_NS;
  #count = 0;

  constructor(path: string, seed: number) {
    this.#prng = new Prng(seed ^ 0x5eed);
    const run = mountModelRun({ seed, commandCount: 0, directory: path });
    this.#commands = run.commands;
    this.#subject = new CommandRunner(directoryAt(path));
    this.#model = new CommandRunner(createModel({ ...run.model, now: () => this.#now }));
  }

  step(): void {
    for (let i = 0; i < 4; i++) this.#runOne();
  }

  #runOne(): void {
    this.#now++;
    const command = randomCommand(this.#prng, this.#commands);
    const expected = this.#model.run(command);
    const actual = this.#subject.run(command);
    if (actual !== expected) {
      throw new Error(
        `command ${this.#count} ${JSON.stringify(command)} is ${actual}, in the model ${expected}`,
      );
    }
    if (++this.#count % COMPARE_EVERY === 0) this.checkAll();
  }

  checkAll(): void {
    this.#now++;
    compareTrees(this.#model, this.#subject, { compareAtime: false });
  }

  [Symbol.dispose](): void {
    this.#subject[Symbol.dispose]();
  }
}

function directoryAt(path: string): LinuxDirectory {
  return new LinuxDirectory({
    rootFd: openSync(path, "r"),
    rootPath: path,
    caller: ROOT_CALLER,
  });
}

function tell(message: FromClient): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.send!(message, undefined, undefined, () => resolve());
  return promise;
}

if (import.meta.main) await main(JSON.parse(process.argv[2]!) as ClientOrder);
