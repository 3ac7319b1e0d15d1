/**
 * Entry of a worker thread that wants the compile cache, which a thread does not share with the process:
 * `new Worker(THREAD_MAIN_URL, { argv: [url.href], … })` runs the module at `url`, workerData and all, as if it were the entry.
 */
import { enableProgramCache, flushProgramCache } from "./program-cache.ts";

enableProgramCache();
await import(process.argv[2]!);
flushProgramCache();
