/**
 * Entry of a volume process: `node volume-main.ts <mount.json>`, with the descriptors of VolumeFd and an IPC channel.
 * The compile cache is switched on before anything else is loaded, which is why the rest is imported dynamically.
 */
import { enableProgramCache, flushProgramCache } from "./program-cache.ts";

enableProgramCache();
const { SystemClock } = await import("../core/clock.ts");
const { LineLog } = await import("./log-file.ts");
const { processLink } = await import("./process-link.ts");
const { runVolumeProcess } = await import("./volume-process.ts");

const configPath = process.argv[2];
if (configPath === undefined) throw new Error("usage: volume-main <mount.json>");
process.title = "shoal-volume";
const clock = new SystemClock();
const log = new LineLog({ fd: 2, clock, name: "volume" });
await runVolumeProcess({ configPath, log, link: processLink(log) });
flushProgramCache();
