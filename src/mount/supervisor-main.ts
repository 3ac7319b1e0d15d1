/**
 * Entry of a mount: `node supervisor-main.js <mount.json>`. Its log is its stderr. When whoever started it holds an IPC
 * channel, that one is told { type: "ready" } or { type: "failed" } and may leave then.
 */
import { enableProgramCache } from "./program-cache.ts";

enableProgramCache();
// What is thrown there ends the process, as anything does that nobody catches.
void import("./start-supervisor.ts").then(({ startSupervisor }) =>
  startSupervisor(process.argv[2]),
);
