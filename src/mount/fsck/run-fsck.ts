/** Runs a check in a thread of its own and waits for it; an abort ends the thread. */
import { Worker } from "node:worker_threads";
import { ERRNO, FsError, type ErrorCode } from "../../core/fs-error.ts";
import type { CheckResult } from "../../volume/fsck/check-volume.ts";

export interface FsckStart {
  readonly root: string;
  readonly uuid: string;
  readonly timeline: string;
  readonly journalRoot: string;
  readonly metadataOnly: boolean;
  /** Of a mounted volume: the hand-off area's descriptor, which says what was acknowledged. */
  readonly handoffFd?: number;
}

export type FromFsck =
  | { readonly kind: "progress"; readonly text: string }
  | { readonly kind: "done"; readonly result: CheckResult }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };

/** Throws what kept the check from being made; what it found is in the result. */
export async function runFsckThread(options: {
  readonly start: FsckStart;
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
}): Promise<CheckResult> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const url = new URL(`./fsck-thread.${extension}`, import.meta.url);
  const { promise, resolve, reject } = Promise.withResolvers<CheckResult>();
  const worker = new Worker(url, { workerData: options.start });
  worker.on("message", (message: FromFsck) => {
    if (message.kind === "progress") options.onProgress(message.text);
    else if (message.kind === "done") resolve(message.result);
    else reject(toError(message.code, message.message));
  });
  worker.on("error", reject);
  const onAbort = (): void => reject(new FsError("ECANCELED", "the check was given up"));
  options.signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await promise;
  } finally {
    options.signal.removeEventListener("abort", onAbort);
    await worker.terminate();
  }
}

function toError(code: string, message: string): FsError {
  return new FsError(code in ERRNO ? (code as ErrorCode) : "EIO", message);
}
