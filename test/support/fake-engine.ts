/** An engine for tests of the mount's processes: a worker thread that serves fake-filesystem.ts. */
import type { LoadEngine } from "../../src/mount/engine-port.ts";
import { loadWorkerEngine } from "./worker-engine.ts";

export const loadEngine: LoadEngine = (start) =>
  loadWorkerEngine({ entry: new URL("./fake-engine-worker.ts", import.meta.url), start });
