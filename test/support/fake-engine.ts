/** An engine for tests of the mount's processes: a worker thread that serves fake-filesystem.ts. */
import type { LoadEngine } from "../../src/mount/engine-port.ts";
import { loadWorkerEngine } from "./worker-engine.ts";

export const loadEngine: LoadEngine = (start) =>
  loadWorkerEngine({ entry: new URL(WORKER, import.meta.url), start });

/** Beside this one, in the sources and in a bundle. */
const WORKER = import.meta.url.endsWith(".ts")
  ? "./fake-engine-worker.ts"
  : "./fake-engine-worker.js";
