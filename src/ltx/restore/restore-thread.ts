/** A thread that decodes segments of LTX files and writes their pages to the database (segment-runner.ts). */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../core/assert.ts";
import { FsError } from "../../core/fs-error.ts";
import { errorMessage } from "../../core/system-error.ts";
import { SegmentDecoder } from "./segment.ts";
import type { FromRestoreThread, RestoreThreadStart, ToRestoreThread } from "./segment-runner.ts";

const port = parentPort;
assert(port !== null, "this file runs as a thread");
const { fd } = workerData as RestoreThreadStart;
const decoder = new SegmentDecoder(fd);

port.on("message", ({ id, job }: ToRestoreThread) => {
  port.postMessage(answerTo(id, job));
});

function answerTo(id: number, job: ToRestoreThread["job"]): FromRestoreThread {
  try {
    return { kind: "done", id, result: decoder.run(job) };
  } catch (error) {
    const code = error instanceof FsError ? error.code : "";
    return { kind: "failed", id, code, message: errorMessage(error) };
  }
}
