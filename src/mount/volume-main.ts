/**
 * Entry of a volume process: `node volume-main.js <mount.json>`, with the descriptors of VolumeFd and an IPC channel.
 * The compile cache is switched on before anything else is loaded, which is why the rest is imported dynamically.
 */
import { enableProgramCache } from "./program-cache.ts";

enableProgramCache();
// What is thrown there ends the process, as anything does that nobody catches.
void import("./start-volume.ts").then(({ startVolume }) => startVolume(process.argv[2]));
