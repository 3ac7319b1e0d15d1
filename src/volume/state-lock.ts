/**
 * The lock of a state directory: one mount, or one program that opened the volume, works in it at a time.
 *
 * What always holds: the lock is flock(2) on `<state>/lock`, so it belongs to the open file. The supervisor hands the
 * descriptor to every volume process, and the directory stays locked until the last of them is gone, whoever dies
 * first. What the file says (who, where, since when) is for messages and for rule C7, and is never taken for the lock.
 * The file is never replaced or removed: a lock on an unlinked file would exclude nobody.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { tryLockFile, unlockFile } from "../sys/lock.ts";
import {
  bootId,
  identifyProcess,
  isAlive,
  machineId,
  type ProcessIdentity,
} from "../sys/process-identity.ts";
import { hasCode, wrapSystemError } from "../core/system-error.ts";

/** Somebody who only looks holds the lock for microseconds: try again that often before saying it is taken. */
const TRY_COUNT = 5;
const TRY_INTERVAL_MS = 20;
const HOLDER_SIZE_MAX = 16_384;

/** What the lock file says of its holder. */
export interface LockHolder {
  readonly volume: string;
  /** Absent when a program opened the volume without a mount. */
  readonly mountPoint?: string;
  /** What the mount table calls the mount. */
  readonly source?: string;
  /** The supervisor of a mount, or that program. */
  readonly supervisor: ProcessIdentity;
  /** Absent while none runs. */
  readonly volumeProcess?: ProcessIdentity;
  readonly bootId: string;
  readonly machineId: string;
  /** ISO 8601. */
  readonly since: string;
}

export class StateLock {
  readonly path: string;
  /** Inherited by volume processes. */
  readonly fd: number;
  #holder: LockHolder | undefined;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.fd = fd;
  }

  /** Throws EBUSY, naming the holder and where it has mounted the volume, if it has. */
  static async acquire(path: string, clock: Clock): Promise<StateLock> {
    const fd = openLockFile(path);
    for (let tried = 0; tried < TRY_COUNT; tried++) {
      if (tryLockFile(fd)) return new StateLock(path, fd);
      await clock.sleep(TRY_INTERVAL_MS);
    }
    closeSync(fd);
    throw new FsError("EBUSY", describeHolder(path, readHolder(path)));
  }

  /** Says who holds it; called again when the volume process is another one. */
  describe(
    holder: Pick<LockHolder, "volume" | "mountPoint" | "source" | "since">,
    volumePid?: number,
  ): void {
    const volumeProcess = volumePid === undefined ? undefined : identifyProcess(volumePid);
    const supervisor = identifyProcess(process.pid) ?? { pid: process.pid, startTicks: 0 };
    this.#holder = {
      ...holder,
      supervisor,
      ...(volumeProcess === undefined ? {} : { volumeProcess }),
      bootId: bootId(),
      machineId: machineId(),
    };
    const text = Buffer.from(`${JSON.stringify(this.#holder, undefined, 2)}\n`);
    writeSync(this.fd, text, 0, text.length, 0);
    ftruncateSync(this.fd, text.length);
    fdatasyncSync(this.fd);
  }

  get holder(): LockHolder | undefined {
    return this.#holder;
  }

  /** Gives up this process's descriptor; the lock goes with the last one. */
  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

/** Whether somebody holds the lock. Does not wait and leaves nothing behind. */
export function isLocked(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw wrapSystemError(error, `open of ${path}`);
  }
  try {
    if (!tryLockFile(fd, { shared: true })) return true;
    unlockFile(fd);
    return false;
  } finally {
    closeSync(fd);
  }
}

/** What the file says, `undefined` when it says nothing sensible. Says nothing about whether the lock is held. */
export function readHolder(path: string): LockHolder | undefined {
  try {
    const text = readFileSync(path, "utf8").slice(0, HOLDER_SIZE_MAX);
    const value: unknown = JSON.parse(text);
    return isHolder(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Rule C7: same machine, same boot, and whoever is recorded is dead. Counts only together with the lock held by the asker. */
export function isOwnPast(holder: LockHolder): boolean {
  return (
    holder.bootId !== "" &&
    holder.bootId === bootId() &&
    holder.machineId === machineId() &&
    !isAlive(holder.supervisor) &&
    (holder.volumeProcess === undefined || !isAlive(holder.volumeProcess))
  );
}

function openLockFile(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    throw wrapSystemError(error, `open of the lock ${path}`);
  }
}

function describeHolder(path: string, holder: LockHolder | undefined): string {
  if (holder === undefined) return `the state directory is in use: another process holds ${path}`;
  const { supervisor, volumeProcess } = holder;
  const alive = isAlive(supervisor) || volumeProcess === undefined ? supervisor : volumeProcess;
  const { volume, mountPoint, since } = holder;
  if (mountPoint === undefined) {
    return `volume ${volume} is open in process ${alive.pid} since ${since}; close it there first`;
  }
  return (
    `volume ${volume} is mounted on ${mountPoint} by process ${alive.pid} ` +
    `since ${since}; unmount it there first (shoal umount ${mountPoint})`
  );
}

function isHolder(value: unknown): value is LockHolder {
  if (typeof value !== "object" || value === null) return false;
  const holder = value as Partial<Record<keyof LockHolder, unknown>>;
  return (
    typeof holder.volume === "string" &&
    (holder.mountPoint === undefined || typeof holder.mountPoint === "string") &&
    (holder.source === undefined || typeof holder.source === "string") &&
    typeof holder.bootId === "string" &&
    typeof holder.machineId === "string" &&
    typeof holder.since === "string" &&
    isIdentity(holder.supervisor) &&
    (holder.volumeProcess === undefined || isIdentity(holder.volumeProcess))
  );
}

function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== "object" || value === null) return false;
  const identity = value as Partial<Record<keyof ProcessIdentity, unknown>>;
  return Number.isSafeInteger(identity.pid) && Number.isSafeInteger(identity.startTicks);
}
