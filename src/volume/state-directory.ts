/**
 * Where a volume's local state lives: lock, journal, staging, cache, the running program, log, control socket.
 *
 * What always holds: the directory is the user's alone (0700) and belongs to one volume, which `state.json` names from
 * the moment the directory is made; it is refused, never emptied or taken over, when it belongs to another, holds what
 * is not ours, or cannot keep what the durability level promises (DESIGN.md sections 7 and 8).
 * Source of the default places: XDG Base Directory Specification 0.8.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { CorruptError, FsError } from "../core/fs-error.ts";
import { FilesystemMagic, filesystemMagic } from "../sys/mount.ts";
import { readMountTable } from "../sys/mount-table.ts";
import { isWithin, mountOf, SHOAL_MOUNT_TYPE } from "../sys/mount-paths.ts";
import { hasCode, wrapSystemError } from "../core/system-error.ts";
import { temporaryName } from "../core/temporary-name.ts";

export type DurabilityLevel = "memory" | "disk" | "bucket";

/** Room that must be free at the start: the reserve of a cut and recovery (two packs, a WAL, a segment), rounded up. */
export const FREE_SIZE_MIN: number = 128 * 1024 * 1024;

const FORMAT = 1;
const STATE_FILE = "state.json";
/** linux/magic.h: CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC. */
const CIFS_MAGIC = 0xff53_4d42;
const SMB2_MAGIC = 0xfe53_4d42;
const FOLDERS = ["journal", "staging", "cache", "run", "log"] as const;

export interface StateDirectoryOptions {
  readonly path: string;
  /** The volume's uuid. */
  readonly volume: string;
  readonly level: DurabilityLevel;
  readonly freeSizeMin?: number;
}

export interface Environment {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Effective user id. */
  readonly uid: number;
}

export class StateDirectory {
  /** Absolute, symbolic links resolved. */
  readonly path: string;
  readonly volume: string;

  private constructor(path: string, volume: string) {
    this.path = path;
    this.volume = volume;
  }

  /** Makes the directory or takes it over; throws an FsError that names the directory and what to do. */
  static open(options: StateDirectoryOptions): StateDirectory {
    const path = makeDirectory(resolve(options.path));
    refuseFilesystem(path, options.level);
    checkOwner(path);
    checkVolume(path, options.volume);
    try {
      for (const folder of FOLDERS) mkdirSync(join(path, folder), { recursive: true, mode: 0o700 });
    } catch (error) {
      throw wrapSystemError(error, `making the folders of the state directory ${path}`);
    }
    checkRoom(path, options.freeSizeMin ?? FREE_SIZE_MIN);
    return new StateDirectory(path, options.volume);
  }

  /** A directory that `open` made before, looked at and not changed; `undefined` when it is none. */
  static peek(path: string): StateDirectory | undefined {
    const volume = readVolume(path);
    return volume === undefined ? undefined : new StateDirectory(resolve(path), volume);
  }

  get lock(): string {
    return join(this.path, "lock");
  }
  get journal(): string {
    return join(this.path, "journal");
  }
  get staging(): string {
    return join(this.path, "staging");
  }
  get cache(): string {
    return join(this.path, "cache");
  }
  get run(): string {
    return join(this.path, "run");
  }
  get log(): string {
    return join(this.path, "log", "shoal.log");
  }
  get controlSocket(): string {
    return join(this.path, "control.sock");
  }
  /** What the mount that runs, or ran last, was told. */
  get mountConfig(): string {
    return join(this.path, "mount.json");
  }
}

/** Where state directories are by default: /var/lib/shoal for root, $XDG_STATE_HOME/shoal otherwise. */
export function stateRoot(environment: Environment): string {
  if (environment.uid === 0) return "/var/lib/shoal";
  return join(baseDirectory(environment, "XDG_STATE_HOME", ".local/state"), "shoal");
}

export function defaultStateDirectory(environment: Environment, volume: string): string {
  return join(stateRoot(environment), volume);
}

/**
 * A mount over its own state would wait for itself, and one inside of it would be taken for a part of it. Both paths
 * exist; links of `mountPoint` are resolved (it is not touched: a dead mount may be in the way); `what` names `path`.
 */
export function refuseMountOver(mountPoint: string, path: string, what: string): void {
  const real = realpathSync(path);
  if (isWithin(real, mountPoint)) {
    throw new FsError(
      "EINVAL",
      `${what} ${path} lies under the mount point ${mountPoint}, which would hide it; choose another of the two`,
    );
  }
  if (isWithin(mountPoint, real)) {
    throw new FsError(
      "EINVAL",
      `the mount point ${mountPoint} lies inside ${what} ${path}; choose one outside`,
    );
  }
}

function baseDirectory(environment: Environment, variable: string, fallback: string): string {
  const set = environment.env[variable];
  // The specification: a relative path is invalid and ignored.
  if (set !== undefined && isAbsolute(set)) return set;
  const home = environment.env["HOME"];
  if (home === undefined || !isAbsolute(home)) {
    throw new FsError("EINVAL", `neither ${variable} nor HOME is set; pass --state-dir`);
  }
  return join(home, fallback);
}

function makeDirectory(path: string): string {
  try {
    makeFolder(path, 0o700);
    const real = realpathSync(path);
    if (!lstatSync(real).isDirectory()) {
      throw new FsError("ENOTDIR", `the state directory ${path} is not a directory`);
    }
    return real;
  } catch (error) {
    if (error instanceof FsError) throw error;
    const hint = hasCode(error, "EACCES", "EPERM", "EROFS")
      ? "; choose another with --state-dir"
      : "";
    const wrapped = wrapSystemError(error, `making the state directory ${path}`);
    throw new FsError(wrapped.code, `${wrapped.message}${hint}`, { cause: error });
  }
}

/** With those above it. Not Node's `recursive`: that one never ends where a folder can be neither made nor found (/proc). */
function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (hasCode(error, "EEXIST")) return;
    if (!hasCode(error, "ENOENT") || dirname(path) === path) throw error;
    makeFolder(dirname(path), 0o755);
    mkdirSync(path, { mode });
  }
}

function refuseFilesystem(path: string, level: DurabilityLevel): void {
  const magic = filesystemMagic(path);
  if (level === "disk" && (magic === FilesystemMagic.TMPFS || magic === FilesystemMagic.RAMFS)) {
    throw new FsError(
      "EINVAL",
      `the state directory ${path} is on tmpfs, which a reboot empties, and level "disk" promises more; ` +
        `choose one on a disk with --state-dir, or another level with --durability`,
    );
  }
  if (magic === FilesystemMagic.NFS || magic === CIFS_MAGIC || magic === SMB2_MAGIC) {
    throw new FsError(
      "EINVAL",
      `the state directory ${path} is on a network file system, where its lock cannot be handed on; ` +
        `choose one on a local disk with --state-dir`,
    );
  }
  if (mountOf(path, readMountTable())?.type === SHOAL_MOUNT_TYPE) {
    throw new FsError(
      "EINVAL",
      `the state directory ${path} is on a Shoal mount; choose one on a local disk with --state-dir`,
    );
  }
}

function checkOwner(path: string): void {
  const stat = lstatSync(path);
  const uid = process.geteuid?.() ?? stat.uid;
  if (stat.uid !== uid) {
    throw new FsError(
      "EACCES",
      `the state directory ${path} belongs to user ${stat.uid}, not ${uid}; choose another with --state-dir`,
    );
  }
  if ((stat.mode & 0o077) !== 0) chmodSync(path, 0o700);
}

function checkVolume(path: string, volume: string): void {
  const found = readVolume(path);
  if (found === volume) return;
  if (found !== undefined) {
    throw new FsError(
      "EEXIST",
      `the state directory ${path} belongs to volume ${found}, not ${volume}; choose another with --state-dir`,
    );
  }
  const strangers = readdirSync(path).filter((name) => !name.startsWith(`${STATE_FILE}.`));
  if (strangers.length > 0) {
    throw new FsError(
      "ENOTEMPTY",
      `${path} holds ${strangers[0]} and is no state directory; choose an empty one with --state-dir`,
    );
  }
  writeVolume(path, volume);
}

function readVolume(path: string): string | undefined {
  const file = join(path, STATE_FILE);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw wrapSystemError(error, `reading ${file}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CorruptError(`${file} is no JSON`, { cause: error });
  }
  const state = (typeof value === "object" && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  if (state["format"] !== FORMAT || typeof state["volume"] !== "string" || state["volume"] === "") {
    throw new CorruptError(`${file} names no volume, or is of a newer version of Shoal`);
  }
  return state["volume"];
}

/** Whole or not at all, and never over one that somebody else wrote meanwhile. */
function writeVolume(path: string, volume: string): void {
  const file = join(path, STATE_FILE);
  const temporary = temporaryName(file);
  try {
    writeFileSync(temporary, `${JSON.stringify({ format: FORMAT, volume })}\n`, {
      flag: "wx",
      mode: 0o600,
      flush: true,
    });
    try {
      linkSync(temporary, file);
    } finally {
      unlinkSync(temporary);
    }
    const fd = openSync(path, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (hasCode(error, "EEXIST") && readVolume(path) === volume) return;
    throw wrapSystemError(error, `writing ${file}`);
  }
}

function checkRoom(path: string, freeSizeMin: number): void {
  const stat = statfsSync(path);
  const free = stat.bavail * stat.bsize;
  if (free < freeSizeMin) {
    throw new FsError(
      "ENOSPC",
      `the disk of the state directory ${path} has ${toMebibytes(free)} MiB free and at least ` +
        `${toMebibytes(freeSizeMin)} are needed; free some, or choose another disk with --state-dir`,
    );
  }
}

function toMebibytes(size: number): number {
  return Math.floor(size / 2 ** 20);
}
