/** What a volume process does once its compile cache is on: loads the engine and waits for its supervisor. */
import { SystemClock } from "../core/clock.ts";
import { LineLog } from "./log-file.ts";
import { processLink } from "./process-link.ts";
import { flushProgramCache } from "./program-cache.ts";
import { runVolumeProcess } from "./volume-process.ts";

export async function startVolume(configPath: string | undefined): Promise<void> {
  if (configPath === undefined) throw new Error("usage: volume-main <mount.json>");
  process.title = "shoal-volume";
  const log = new LineLog({ fd: 2, clock: new SystemClock(), name: "volume" });
  await runVolumeProcess({ configPath, log, link: processLink(log) });
  flushProgramCache();
}
