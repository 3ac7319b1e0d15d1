/**
 * Entry of a mount: `node supervisor-main.ts <mount.json>`. Its log is its stderr. When whoever started it holds an IPC
 * channel, that one is told { type: "ready" } or { type: "failed" } and may leave then.
 */
import { enableProgramCache, flushProgramCache } from "./program-cache.ts";

enableProgramCache();
const { fileURLToPath } = await import("node:url");
const { SystemClock } = await import("../core/clock.ts");
const { toControlError } = await import("./control-message.ts");
const { SupervisorExit, tellStarter } = await import("./daemonize.ts");
const { LineLog } = await import("./log-file.ts");
const { readMountConfig } = await import("./mount-config.ts");
const { runSupervisorProcess } = await import("./supervisor-process.ts");

const configPath = process.argv[2];
if (configPath === undefined) throw new Error("usage: supervisor-main <mount.json>");
process.title = "shoal";
process.chdir("/");
process.on("SIGHUP", () => {});
const clock = new SystemClock();
const log = new LineLog({ fd: 2, clock, name: "supervisor" });
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
try {
  const end = await runSupervisorProcess({
    configPath,
    clock,
    log,
    logFd: 2,
    volumeEntry: fileURLToPath(new URL(`./volume-main.${extension}`, import.meta.url)),
    onReady: (details) => {
      flushProgramCache();
      void tellStarter({ type: "ready", pid: process.pid, details });
      const { foreground, source, mountPoint } = readMountConfig(configPath);
      if (foreground === true) {
        process.stdout.write(`${source} is mounted on ${mountPoint}\n`);
        process.stderr.write("shoal: Ctrl-C drains and unmounts\n");
      }
    },
    onTerminate: (listener) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const)
        process.on(signal, () => listener(signal));
    },
  });
  if (end.drained) log.info("unmounted; everything is stored");
  else log.warn("unmounted; not everything is stored, the journal keeps it", { ...end });
  process.exitCode = end.drained ? SupervisorExit.OK : SupervisorExit.NOT_DRAINED;
} catch (error) {
  log.error("the mount failed", { error, stack: error instanceof Error ? error.stack : undefined });
  await tellStarter({ type: "failed", error: toControlError(error) });
  process.exitCode = SupervisorExit.FAILED;
}
// Nothing may keep a supervisor alive whose mount is gone.
process.exit();
