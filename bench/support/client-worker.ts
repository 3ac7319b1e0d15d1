/** One client thread of client-threads.ts. */
import { parentPort } from "node:worker_threads";
import { OPERATIONS } from "../operations/operation-registry.ts";
import { Histogram } from "./histogram.ts";
import type { ThreadAnswer, ThreadJob } from "./client-threads.ts";
import { pinThread } from "./system-call.ts";

if (parentPort === null) throw new Error("client-worker.ts runs as a worker thread");
const port = parentPort;
port.on("message", (told: ThreadJob) => {
  let answer: ThreadAnswer;
  try {
    answer = perform(told);
  } catch (error) {
    answer = { error: (error as Error).message };
  }
  port.postMessage(answer);
});

function perform({ job, thread, gate }: ThreadJob): ThreadAnswer {
  pinThread(job.cpu);
  let task;
  let failure: unknown;
  try {
    task = OPERATIONS[job.operation]!({ ...job, directory: job.directories[thread]!, thread });
    for (let i = 0; job.isWarmed === true && i < job.count; i++) task.step(i);
  } catch (error) {
    failure = error;
  }
  const words = new Int32Array(gate);
  Atomics.add(words, 0, 1);
  Atomics.notify(words, 0);
  Atomics.wait(words, 1, 0);
  if (task === undefined) throw failure;
  const latencies = new Histogram();
  const startNs = process.hrtime.bigint();
  const startMs = performance.now();
  let lastMs = startMs;
  let steps = 0;
  do {
    for (let i = 0; i < job.count; i++) {
      task.step(i);
      const nowMs = performance.now();
      latencies.add((nowMs - lastMs) * 1000);
      lastMs = nowMs;
    }
    steps += job.count;
  } while (task.isRepeatable === true && lastMs - startMs < job.minMs);
  task.end?.();
  const endNs = process.hrtime.bigint();
  task.after?.();
  return {
    startNs,
    endNs,
    units: steps * (task.unitsPerStep ?? 1),
    counts: latencies.counts,
    maxUs: latencies.maxUs,
  };
}
