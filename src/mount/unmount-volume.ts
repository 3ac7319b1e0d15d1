/**
 * Unmounting: drains first, then detaches; says who keeps a mount busy. `force` cuts them off, `lazy` detaches now and
 * lets the mount end when its last user has gone; either way nothing acknowledged is lost.
 */
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { unmount } from "../fuse/unmount.ts";
import { ControlClient } from "./control-client.ts";
import { describeHolders, findHolders } from "./mount-holders.ts";
import { clearDeadMount, type KnownMount } from "./mount-registry.ts";
import { isLocked } from "../volume/state-lock.ts";

/** How often the end is looked for. */
const POLL_MS = 20;
/** Whoever asks may stand in the mount: it leaves by itself. */
const OTHERS = { except: process.pid } as const;
/** A lazy unmount returns at once: only so long is looked whether anybody kept the mount from ending right away. */
const LAZY_LOOK_MS = 500;
export const UNMOUNT_TIMEOUT_MS = 60_000;

export interface UnmountResult {
  /** "cleared": nobody could drain it any more; what is not stored is in its journal. */
  readonly outcome: "unmounted" | "cleared" | "detached" | "busy" | "late";
  /** Why nobody could. */
  readonly reason?: string;
  readonly holders: readonly string[];
}

export async function unmountVolume(
  mount: KnownMount,
  options: {
    readonly force: boolean;
    readonly lazy: boolean;
    readonly timeoutMs: number | undefined;
    readonly clock: Clock;
  },
): Promise<UnmountResult> {
  const { clock, force, lazy } = options;
  const deadlineMs = clock.monotonicMs() + (options.timeoutMs ?? UNMOUNT_TIMEOUT_MS);
  if (await clearDeadMount(mount, clock)) {
    return { outcome: "cleared", reason: "its processes are gone", holders: [] };
  }
  if (!force && !lazy && findHolders(mount.mountPoint, OTHERS).length > 0) {
    return { outcome: "busy", holders: describeHolders(mount.mountPoint, OTHERS) };
  }
  const reason = await crashLoopOf(mount);
  if (reason === undefined && !(await drain(mount, deadlineMs, clock))) {
    return { outcome: "late", holders: [] };
  }
  try {
    if (mount.entry !== undefined) await unmount(mount.mountPoint, { lazy: lazy || force, force });
  } catch (error) {
    if (!(error instanceof FsError) || error.code !== "EBUSY") throw error;
    return { outcome: "busy", holders: describeHolders(mount.mountPoint, OTHERS) };
  }
  const isPatient = !lazy || force || options.timeoutMs !== undefined;
  const lookUntilMs = isPatient ? deadlineMs : clock.monotonicMs() + LAZY_LOOK_MS;
  while (isHeld(mount)) {
    if (lazy && !force && clock.monotonicMs() > lookUntilMs) {
      return { outcome: "detached", holders: describeHolders(mount.mountPoint, OTHERS) };
    }
    if (clock.monotonicMs() > deadlineMs) return { outcome: "late", holders: [] };
    await clock.sleep(POLL_MS);
  }
  if (reason !== undefined) return { outcome: "cleared", reason, holders: [] };
  return { outcome: "unmounted", holders: [] };
}

/** Why every request is answered EIO; undefined when it is not so. */
async function crashLoopOf(mount: KnownMount): Promise<string | undefined> {
  if (mount.stateDirectory === undefined) return undefined;
  using client = await ControlClient.connect(mount.stateDirectory.controlSocket);
  const { crashLoop } = (await client.call("status")) as { crashLoop?: string };
  return crashLoop;
}

/** Everything acknowledged so far is stored; false when the time was over before. */
async function drain(mount: KnownMount, deadlineMs: number, clock: Clock): Promise<boolean> {
  if (mount.stateDirectory === undefined) return true;
  using client = await ControlClient.connect(mount.stateDirectory.controlSocket);
  try {
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(deadlineMs - clock.monotonicMs())));
    const result = (await client.call("drain", { signal })) as { drained: boolean };
    return result.drained;
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") return false;
    throw error;
  }
}

function isHeld(mount: KnownMount): boolean {
  return mount.stateDirectory !== undefined && isLocked(mount.stateDirectory.lock);
}
