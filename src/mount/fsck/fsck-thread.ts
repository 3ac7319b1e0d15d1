/** A check's own thread, so that neither the engine nor the command waits for it. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../core/assert.ts";
import { FsError } from "../../core/fs-error.ts";
import { checkVolume } from "../../volume/fsck/check-volume.ts";
import { mapHandoffFile } from "../handoff-area.ts";
import type { FromFsck, FsckStart } from "./run-fsck.ts";

assert(parentPort !== null, "a check runs in a worker");
const port = parentPort;
const start = workerData as FsckStart;

const send = (message: FromFsck): void => port.postMessage(message);
try {
  const { handoffFd, ...options } = start;
  const area = handoffFd === undefined ? undefined : mapHandoffFile(handoffFd);
  const result = checkVolume({
    ...options,
    ...(area === undefined ? {} : { appendedEnd: () => area.appendedEnd.get() }),
    signal: new AbortController().signal,
    onProgress: (text) => send({ kind: "progress", text }),
  });
  send({ kind: "done", result });
} catch (error) {
  const code = error instanceof FsError ? error.code : "EIO";
  send({ kind: "failed", code, message: error instanceof Error ? error.message : String(error) });
}
