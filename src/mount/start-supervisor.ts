/** What a supervisor does once its compile cache is on: supervises, tells its starter, and says how it ended. */
import { join } from "node:path";
import { SystemClock } from "../core/clock.ts";
import { toControlError } from "./control-message.ts";
import { SupervisorExit, tellStarter } from "./daemonize.ts";
import { LineLog } from "./log-file.ts";
import { type MountConfig, readMountConfig } from "./mount-config.ts";
import { flushProgramCache, PROGRAM_FOLDER } from "./program-cache.ts";
import { runSupervisorProcess } from "./supervisor-process.ts";

export async function startSupervisor(configPath: string | undefined): Promise<void> {
  if (configPath === undefined) throw new Error("usage: supervisor-main <mount.json>");
  process.title = "shoal";
  process.chdir("/");
  process.on("SIGHUP", () => {});
  const clock = new SystemClock();
  const log = new LineLog({ fd: 2, clock, name: "supervisor" });
  try {
    // Before it moves to its place.
    const config = readMountConfig(configPath);
    const end = await runSupervisorProcess({
      configPath,
      clock,
      log,
      logFd: 2,
      volumeEntry: join(PROGRAM_FOLDER, "volume-main.js"),
      onReady: (details) => {
        flushProgramCache();
        void tellStarter({ type: "ready", pid: process.pid, details });
        sayReady(config);
      },
      onTerminate: (listener) => {
        // A mount in the background outlives every terminal; one in the foreground ends in order with its own.
        const hangUp = config.foreground === true ? (["SIGHUP"] as const) : [];
        for (const signal of ["SIGTERM", "SIGINT", ...hangUp])
          process.on(signal, () => listener(signal));
      },
    });
    if (end.drained) log.info("unmounted; everything is stored");
    else log.warn("unmounted; not everything is stored, the journal keeps it", { ...end });
    process.exitCode = end.drained ? SupervisorExit.OK : SupervisorExit.NOT_DRAINED;
  } catch (error) {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error("the mount failed", { error, stack });
    await tellStarter({ type: "failed", error: toControlError(error) });
    process.exitCode = SupervisorExit.FAILED;
  }
  // Nothing may keep a supervisor alive whose mount is gone.
  process.exit();
}

function sayReady({ foreground, source, mountPoint }: MountConfig): void {
  if (foreground !== true) return;
  process.stdout.write(`${source} is mounted on ${mountPoint}\n`);
  process.stderr.write("shoal: Ctrl-C drains and unmounts\n");
}
