/**
 * Threads that run an operation of bench/operations at once on one contender, each below a directory of its own, and say
 * how long it took. They are started once and wait for jobs; all begin a job at the same moment.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { Histogram } from "./histogram.ts";
import type { Measure } from "./contest.ts";

export interface Job {
  /** A name in bench/operations/operation-registry.ts. */
  readonly operation: string;
  /** One a thread. */
  readonly directories: readonly string[];
  /** How many steps of the operation, for each thread. */
  readonly count: number;
  /** Where the threads are bound; undefined: nowhere. */
  readonly cpu: number | undefined;
  /** Repeats a repeatable operation at least this long: a cached stat of every file is over too soon to be timed. */
  readonly minMs: number;
  /** Once through before the clock starts, so that the kernel knows all there is to know. */
  readonly isWarmed?: boolean;
  readonly size?: number;
  readonly blockSize?: number;
}

/** What a thread is told. */
export interface ThreadJob {
  readonly job: Job;
  readonly thread: number;
  /** Two 32-bit words: how many threads are ready; 1 once they may begin. */
  readonly gate: SharedArrayBuffer;
}

export type ThreadAnswer =
  | {
      readonly startNs: bigint;
      readonly endNs: bigint;
      readonly units: number;
      readonly counts: Float64Array;
      readonly maxUs: number;
    }
  | { readonly error: string };

const ENTRY = new URL("./client-worker.ts", import.meta.url);

export class ClientThreads implements AsyncDisposable {
  readonly #workers: Worker[] = [];

  /** Units a second, all threads together, from the first that begins to the last that ends. */
  async run(job: Job): Promise<Measure> {
    const gate = new SharedArrayBuffer(8);
    const words = new Int32Array(gate);
    while (this.#workers.length < job.directories.length) this.#workers.push(new Worker(ENTRY));
    const answers = job.directories.map((_, thread) => {
      const worker = this.#workers[thread]!;
      const answer = once(worker, "message") as Promise<[ThreadAnswer]>;
      worker.postMessage({ job, thread, gate } satisfies ThreadJob);
      return answer.then(([value]) => value);
    });
    for (;;) {
      const ready = Atomics.load(words, 0);
      if (ready === job.directories.length) break;
      // A thread that cannot even start rejects its answer; otherwise none answers before it may begin.
      await Promise.race([Atomics.waitAsync(words, 0, ready).value, ...answers]);
    }
    Atomics.store(words, 1, 1);
    Atomics.notify(words, 1);
    return summarize(await Promise.all(answers));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function summarize(answers: readonly ThreadAnswer[]): Measure {
  const latencies = new Histogram();
  let units = 0;
  let startNs: bigint | undefined;
  let endNs = 0n;
  for (const answer of answers) {
    if ("error" in answer) throw new Error(answer.error);
    units += answer.units;
    if (startNs === undefined || answer.startNs < startNs) startNs = answer.startNs;
    if (answer.endNs > endNs) endNs = answer.endNs;
    latencies.merge(answer);
  }
  return { value: (units * 1e9) / Number(endNs - (startNs ?? 0n)), latencies };
}
