/**
 * The engine thread's entry: loads everything, waits to be told to serve, and then is synchronous until the end.
 * What it throws is the main thread's `error` event, which ends the process (J2); a volume that must not be served is
 * reported instead, as a refusal.
 */
import { parentPort, workerData } from "node:worker_threads";
import { FsError } from "../../core/fs-error.ts";
import { assert } from "../../core/assert.ts";
import { EngineServer } from "./engine-server.ts";
import type { EngineThreadStart, FromEngine, ToEngine } from "./engine-link.ts";

assert(parentPort !== null, "the engine thread is a worker");
const port = parentPort;
const server = new EngineServer(workerData as EngineThreadStart, port);

const onServe = (message: ToEngine): void => {
  if (message.kind !== "serve") return;
  port.off("message", onServe);
  try {
    server.serve(message.generation);
  } catch (error) {
    if (!(error instanceof FsError) || server.isServing) throw error;
    const refusal: FromEngine = { kind: "refused", code: error.code, message: error.message };
    port.postMessage(refusal);
  }
};
port.on("message", onServe);
const loaded: FromEngine = { kind: "loaded" };
port.postMessage(loaded);
