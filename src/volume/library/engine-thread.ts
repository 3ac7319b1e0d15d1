/**
 * The engine thread's entry in a library: opens the volume, answers calls, and is synchronous until the end. What it
 * throws is main's `error` event and fails the volume (J2); one that must not be opened is reported as a refusal.
 */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../core/assert.ts";
import { FsError } from "../../core/fs-error.ts";
import type { EngineThreadStart, FromEngine } from "./engine-link.ts";
import { LibraryEngine } from "./library-engine.ts";

assert(parentPort !== null, "the engine thread is a worker");
const port = parentPort;
const engine = new LibraryEngine(workerData as EngineThreadStart, port);
try {
  engine.run();
} catch (error) {
  if (!(error instanceof FsError) || engine.isOpen) throw error;
  const refusal: FromEngine = { kind: "refused", code: error.code, message: error.message };
  port.postMessage(refusal);
}
