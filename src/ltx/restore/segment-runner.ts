/**
 * Where segments are decoded: here, one after the other, or on threads.
 *
 * Threads get the frames by transfer, so nothing is copied; at most `slotCount` segments are under way, which bounds memory.
 */
import { Worker } from "node:worker_threads";
import { CorruptError, ERRNO, type ErrorCode, FsError } from "../../core/fs-error.ts";
import { SegmentDecoder, type SegmentJob, type SegmentResult } from "./segment.ts";

/** A thread decodes one and has one waiting. */
const SLOTS_PER_THREAD = 2;

const RESTORE_THREAD_URL: URL = new URL(
  import.meta.url.endsWith(".ts") ? "./restore-thread.ts" : "./restore-thread.js",
  import.meta.url,
);

export interface SegmentRunner extends AsyncDisposable {
  /** How many segments may be under way. */
  readonly slotCount: number;
  /** The job's bytes belong to the runner from now on. */
  run(job: SegmentJob): Promise<SegmentResult>;
}

/** What a thread is started with. */
export interface RestoreThreadStart {
  readonly fd: number | undefined;
}

/** Main to thread. */
export interface ToRestoreThread {
  readonly id: number;
  readonly job: SegmentJob;
}

/** Thread to main. */
export type FromRestoreThread =
  | { readonly kind: "done"; readonly id: number; readonly result: SegmentResult }
  | {
      readonly kind: "failed";
      readonly id: number;
      readonly code: string;
      readonly message: string;
    };

/** `threadCount` 0: decodes in the calling thread. `fd` is the database's, left out when files are only checked. */
export function openSegmentRunner(fd: number | undefined, threadCount: number): SegmentRunner {
  return threadCount === 0 ? new InlineRunner(fd) : new ThreadRunner(fd, threadCount);
}

class InlineRunner implements SegmentRunner {
  readonly slotCount = 1;
  readonly #decoder: SegmentDecoder;

  constructor(fd: number | undefined) {
    this.#decoder = new SegmentDecoder(fd);
  }

  run(job: SegmentJob): Promise<SegmentResult> {
    return new Promise((resolve) => {
      resolve(this.#decoder.run(job));
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

class ThreadRunner implements SegmentRunner {
  readonly slotCount: number;
  readonly #workers: readonly Worker[];
  readonly #jobs = new Map<number, PromiseWithResolvers<SegmentResult>>();
  #nextId = 0;
  #failure: Error | undefined;
  #isClosing = false;

  constructor(fd: number | undefined, threadCount: number) {
    this.slotCount = threadCount * SLOTS_PER_THREAD;
    const workerData: RestoreThreadStart = { fd };
    this.#workers = Array.from({ length: threadCount }, () => {
      const worker = new Worker(RESTORE_THREAD_URL, { workerData });
      worker.on("message", (message: FromRestoreThread) => this.#receive(message));
      worker.on("error", (error: Error) => this.#fail(error));
      worker.on("exit", () => this.#fail(new Error("a thread that decodes LTX pages ended")));
      return worker;
    });
  }

  run(job: SegmentJob): Promise<SegmentResult> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = this.#nextId++;
    const answer = Promise.withResolvers<SegmentResult>();
    this.#jobs.set(id, answer);
    const bytes = withOwnBuffer(job.bytes);
    const message: ToRestoreThread = { id, job: { ...job, bytes } };
    const worker = this.#workers[id % this.#workers.length]!;
    worker.postMessage(message, [bytes.buffer]);
    return answer.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #receive(message: FromRestoreThread): void {
    const answer = this.#jobs.get(message.id);
    this.#jobs.delete(message.id);
    if (message.kind === "done") answer?.resolve(message.result);
    else answer?.reject(toError(message.code, message.message));
  }

  #fail(error: Error): void {
    if (this.#isClosing) return;
    this.#failure ??= error;
    for (const answer of this.#jobs.values()) answer.reject(error);
    this.#jobs.clear();
  }
}

/** The bytes alone in a buffer, which can be transferred without taking anything else along. */
function withOwnBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isWhole = bytes.byteLength === buffer.byteLength && buffer instanceof ArrayBuffer;
  return isWhole ? new Uint8Array(buffer) : new Uint8Array(bytes);
}

function toError(code: string, message: string): Error {
  if (code === "EIO") return new CorruptError(message);
  return code in ERRNO ? new FsError(code as ErrorCode, message) : new Error(message);
}
