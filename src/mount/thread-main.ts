/**
 * Entry of a worker thread that wants the compile cache, which a thread does not share with the process:
 * `new Worker(THREAD_MAIN_URL, { argv: [url.href], … })` runs the module at `url`, workerData and all, as if it were the entry.
 * It is loaded by `require`, which costs a thread less than the loader of ES modules; so it must not await at its top.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { enableProgramCache, flushProgramCache } from "./program-cache.ts";

enableProgramCache();
createRequire(import.meta.url)(fileURLToPath(process.argv[2]!));
flushProgramCache();
