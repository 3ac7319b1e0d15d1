/**
 * A supervisor's process: takes the lock, mounts, answers INIT, serves the control socket, and leaves nothing behind.
 * The order of steps is that of rule J7; on the way out each is undone in the opposite order, the lock last.
 */
import { closeSync, fstatSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { silentLog, type Log } from "../core/log.ts";
import { wrapSystemError } from "../core/system-error.ts";
import { handshake } from "../fuse/handshake.ts";
import { mountFuse } from "../fuse/mount.ts";
import { setReadAhead, unmount } from "../fuse/unmount.ts";
import { setIoFlusher } from "../sys/process.ts";
import { ControlSocket, type ControlMethod } from "./control-socket.ts";
import { createHandoffFile } from "./handoff-area.ts";
import { rotateInUse } from "./log-file.ts";
import { tailLog } from "./log-tail.ts";
import { readMountConfig, type MountConfig } from "./mount-config.ts";
import { describeHolders } from "./mount-holders.ts";
import { PROGRAM_FOLDER } from "./program-cache.ts";
import { removeStaleCopies } from "./stale-copies.ts";
import { refuseMountOver, StateDirectory } from "../volume/state-directory.ts";
import { StateLock } from "../volume/state-lock.ts";
import { Supervisor, type SupervisorEnd, type SupervisorWorld } from "./supervisor.ts";
import { VolumeChild } from "./volume-child.ts";

/** Root: what the kernel reads ahead on the mount (specs: reads grow from 128 KiB to 1 MiB). */
const READ_AHEAD_KIB = 2048;
/** Out of memory the kernel should take others first: a volume process is only restarted, but its clients wait. */
const OOM_SCORE_ADJ_SUPERVISOR = -900;
const OOM_SCORE_ADJ_VOLUME = -500;
const LOG_LOOK_INTERVAL_MS = 60_000;
const LOG_LINES_DEFAULT = 100;

export interface SupervisorProcessOptions {
  /** Of this mount alone: it becomes the state directory's mount.json once the lock is held. */
  readonly configPath: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the log and the volume processes' output go. */
  readonly logFd: number;
  /** The volume process's entry module, absolute. */
  readonly volumeEntry: string;
  /** Told once the mount serves. */
  readonly onReady: (details: Readonly<Record<string, unknown>>) => void;
  /** Calls its argument for every signal that asks for the end. */
  readonly onTerminate: (listener: (signal: string) => void) => void;
}

/** Serves until the mount is gone. Throws an FsError when it could not be made; nothing is left mounted then. */
export async function runSupervisorProcess(
  options: SupervisorProcessOptions,
): Promise<SupervisorEnd> {
  const { clock, log } = options;
  const config = readMountConfig(options.configPath);
  const directory = StateDirectory.peek(config.stateDirectory);
  if (directory === undefined)
    throw new FsError("ENOENT", `${config.stateDirectory} is no state directory`);
  refuseMountOver(config.mountPoint, directory.path, "the state directory");
  using lock = await takeOver(options.configPath, directory, clock);
  const since = new Date(clock.nowMs()).toISOString();
  const { volume, source, mountPoint } = config;
  const holder = { volume, source, mountPoint, since };
  lock.describe(holder);
  removeStaleCopies(directory.run, PROGRAM_FOLDER);
  protectProcess(log);
  const { fd: handoffFd, area } = createHandoffFile();
  const fuseFd = await mountFuse(mountOptionsOf(config));
  let isMounted = true;
  try {
    area.setSession(handshake(fuseFd, sessionOptionsOf(config), clock));
    await raiseReadAhead(config.mountPoint, log);
    const world: SupervisorWorld = {
      spawn: () =>
        newVolumeChild(options, directory.mountConfig, {
          fuse: fuseFd,
          handoff: handoffFd,
          lock: lock.fd,
        }),
      unmount: ({ lazy }) => unmount(config.mountPoint, { lazy }),
      holders: () => describeHolders(config.mountPoint),
      served: (pid) => lock.describe(holder, pid),
    };
    const supervisor = new Supervisor({ config, fuseFd, area, world, clock, log });
    await using control = await ControlSocket.listen(
      directory.controlSocket,
      (method) => controlMethod(method, { supervisor, logPath: directory.log, clock }),
      log.child("control"),
    );
    void control;
    options.onTerminate((signal) => void supervisor.shutdown(signal, "signal"));
    supervisor.ready.then(options.onReady, () => {});
    const ended = new AbortController();
    const rotation = keepLogSmall(options, directory.log, ended.signal);
    try {
      const end = await supervisor.run();
      isMounted = false;
      return end;
    } finally {
      ended.abort(new FsError("ECANCELED", "the mount has ended"));
      await rotation;
    }
  } finally {
    closeSync(handoffFd);
    // A descriptor of the device that nobody serves any more: whoever still waits gets ENOTCONN.
    closeSync(fuseFd);
    if (isMounted) await unmount(config.mountPoint, { lazy: true });
  }
}

/**
 * Takes the lock, and puts what this mount was told in the place where all its processes read it: only who holds the
 * lock does, for another mount may serve from there.
 */
async function takeOver(
  configPath: string,
  directory: StateDirectory,
  clock: Clock,
): Promise<StateLock> {
  try {
    const lock = await StateLock.acquire(directory.lock, clock);
    renameSync(configPath, directory.mountConfig);
    return lock;
  } catch (error) {
    if (configPath !== directory.mountConfig) rmSync(configPath, { force: true });
    throw wrapSystemError(error, `starting with ${configPath}`);
  }
}

function newVolumeChild(
  options: SupervisorProcessOptions,
  configPath: string,
  fds: { readonly fuse: number; readonly handoff: number; readonly lock: number },
): VolumeChild {
  const child = new VolumeChild({
    entry: options.volumeEntry,
    configPath,
    fds,
    logFd: options.logFd,
  });
  // Where the supervisor's own could not be lowered, neither can this; that was said once.
  if (process.geteuid?.() === 0) setOomScore(child.pid, OOM_SCORE_ADJ_VOLUME, silentLog);
  return child;
}

/** Before anything that waits for a slot in memory: threads and children inherit both. */
function protectProcess(log: Log): void {
  if (process.geteuid?.() !== 0) return;
  setOomScore(process.pid, OOM_SCORE_ADJ_SUPERVISOR, log);
  try {
    setIoFlusher();
  } catch (error) {
    // A container without CAP_SYS_RESOURCE, or a kernel before 5.6: everything else still holds.
    log.info("memory reclaim may wait for this mount: no PR_SET_IO_FLUSHER", { error });
  }
}

function setOomScore(pid: number, score: number, log: Log): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(score));
  } catch (error) {
    log.info("the kernel may kill this mount when memory is short", { error });
  }
}

async function raiseReadAhead(mountPoint: string, log: Log): Promise<void> {
  if (process.geteuid?.() !== 0) {
    log.info("not root: the kernel reads ahead 128 KiB at most");
    return;
  }
  try {
    await setReadAhead(mountPoint, READ_AHEAD_KIB);
  } catch (error) {
    log.info("the kernel reads ahead 128 KiB at most", { error });
  }
}

function mountOptionsOf(config: MountConfig): Parameters<typeof mountFuse>[0] {
  return {
    directory: config.mountPoint,
    source: config.source,
    ...(config.allowOther === undefined ? {} : { allowOther: config.allowOther }),
    ...(config.readOnly === undefined ? {} : { readOnly: config.readOnly }),
    ...(config.mountOptions === undefined ? {} : { extra: config.mountOptions }),
  };
}

function sessionOptionsOf(config: MountConfig): Parameters<typeof handshake>[1] {
  return {
    ...(config.acl === undefined ? {} : { acl: config.acl }),
    ...(config.writeback === undefined ? {} : { writeback: config.writeback }),
    ...(config.resend === undefined ? {} : { resend: config.resend }),
  };
}

function controlMethod(
  name: string,
  mount: { readonly supervisor: Supervisor; readonly logPath: string; readonly clock: Clock },
): ControlMethod {
  const { supervisor, logPath, clock } = mount;
  switch (name) {
    case "status":
      return () => Promise.resolve(supervisor.status());
    case "unmount":
      // Answered when the end has begun: the socket goes with the mount, and the client waits for that.
      return () => {
        void supervisor.shutdown("unmount");
        return Promise.resolve({ state: supervisor.state });
      };
    case "restart":
      return () => {
        supervisor.restart();
        return Promise.resolve({ state: supervisor.state });
      };
    case "remount":
      return async ({ params, signal, event }) => {
        await supervisor.renewSpare();
        return supervisor.call(name, params, { signal, event });
      };
    case "log":
      return ({ params, signal, event }) => {
        const wanted = (params ?? {}) as { lines?: unknown; follow?: unknown };
        return tailLog({
          path: logPath,
          lineCount: typeof wanted.lines === "number" ? wanted.lines : LOG_LINES_DEFAULT,
          follow: wanted.follow === true,
          clock,
          signal,
          onLine: event,
        });
      };
    default:
      return ({ params, signal, event }) => supervisor.call(name, params, { signal, event });
  }
}

async function keepLogSmall(
  options: SupervisorProcessOptions,
  logPath: string,
  signal: AbortSignal,
): Promise<void> {
  // In the foreground the log is a terminal or somebody else's file.
  if (!isSameFile(options.logFd, logPath)) return;
  while (!signal.aborted) {
    try {
      await options.clock.sleep(LOG_LOOK_INTERVAL_MS, signal);
      rotateInUse(logPath, options.logFd);
    } catch (error) {
      if (!signal.aborted) options.log.warn("the log could not be rotated", { error });
    }
  }
}

function isSameFile(fd: number, path: string): boolean {
  const named = statSync(path, { throwIfNoEntry: false });
  const open = fstatSync(fd);
  return named !== undefined && named.ino === open.ino && named.dev === open.dev;
}
