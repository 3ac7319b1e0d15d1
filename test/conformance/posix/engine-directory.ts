/**
 * PosixDirectory over a volume's engine in this process, without a kernel: the calls of the library, run in place.
 *
 * Credentials and access are checked by us alone. After each call what lost its last name is freed, and every few calls
 * a cut is made and its packs stored, so that the suites also read what is no longer in the journal.
 */
import { ManualClock } from "../../support/manual-clock.ts";
import type { VolumeHarness } from "../../support/volume-harness.ts";
import { SystemClock, type Timestamp } from "../../../src/core/clock.ts";
import { FsError } from "../../../src/core/fs-error.ts";
import { toIno } from "../../../src/core/ids.ts";
import {
  fromChattrFlags,
  fromExtendedFlags,
  toChattrFlags,
  toExtendedFlags,
} from "../../../src/meta/chattr-flags.ts";
import { InodeFlag } from "../../../src/meta/inode.ts";
import {
  accessPath,
  chmodInode,
  chownInode,
  flagsOf,
  readlinkPath,
  setFlags,
  setTimes,
  statfs,
  statPath,
  truncatePath,
} from "../../../src/volume/library/attribute-calls.ts";
import {
  linkPath,
  mkdir,
  mknod,
  renamePath,
  rmdirPath,
  symlink,
  unlinkPath,
} from "../../../src/volume/library/name-calls.ts";
import { openExisting, openPath } from "../../../src/volume/library/open-call.ts";
import { OpenFlag } from "../../../src/volume/library/open-flags.ts";
import { PosixSession, PosixVolume } from "../../../src/volume/library/posix-session.ts";
import {
  getxattr,
  listxattr,
  removeXattr,
  setXattr,
} from "../../../src/volume/library/xattr-calls.ts";
import type { VolumeSpace } from "../../../src/volume/volume-room.ts";
import { EngineDirectoryStream, EngineFile, statOf, timesOf } from "./engine-file.ts";
import {
  type Caller,
  type Device,
  DIRECTORY_MODE,
  type ExtendedFlags,
  FILE_MODE,
  type FileHandle,
  type FollowOption,
  type Owner,
  type PosixAttributes,
  type PosixDirectory,
  type PosixHandles,
  type PosixStat,
  type PosixStatfs,
  type PosixXattrs,
  type TimeChanges,
  type XattrReadOptions,
  type XattrSetOptions,
} from "./posix-directory.ts";
import type { PosixDirectoryStream, PosixFile } from "./posix-file.ts";
import type { PosixLocks, PosixMapping, PosixMappings } from "./posix-memory.ts";

const ROOT_CALLER: Caller = { uid: 0, gid: 0, groups: [], umask: 0 };
/** Few enough that every longer test passes a cut, enough that the suites stay quick. */
const CALLS_BETWEEN_CUTS = 200;
const HANDLE_TYPE = 1;

/** Not the disk's own, which others fill and empty while a test asks twice. */
const plentyOfSpace: VolumeSpace = {
  free: () => ({ bytes: 2 ** 40, inodes: 1_000_000_000 }),
  check() {},
};

/** Runs calls on a harness's volume. */
export class EngineCalls {
  readonly volume: PosixVolume;
  readonly #harness: VolumeHarness;
  #untilCut: number = CALLS_BETWEEN_CUTS;

  constructor(harness: VolumeHarness) {
    this.#harness = harness;
    const { core, clock } = harness;
    this.volume = new PosixVolume({
      core,
      clock,
      space: plentyOfSpace,
      readOnly: false,
      level: "disk",
    });
  }

  run<T>(call: () => T): T {
    try {
      return call();
    } finally {
      this.volume.reap();
      this.#cutWhenDue();
    }
  }

  #cutWhenDue(): void {
    const { core } = this.#harness;
    if (--this.#untilCut > 0 && core.journal.liveSize < JOURNAL_SIZE_HIGH) return;
    this.#untilCut = CALLS_BETWEEN_CUTS;
    if (core.hasChanges && core.mayCut) core.cut();
    this.#harness.pump();
  }
}

/** Half of the journal that the tests give it. */
const JOURNAL_SIZE_HIGH: number = 16 * 1024 * 1024;

/** The present, for suites that wait for time to pass. */
export class PresentClock extends ManualClock {
  readonly #system = new SystemClock();

  override nowMs(): number {
    return this.#system.nowMs();
  }
  override monotonicMs(): number {
    return this.#system.monotonicMs();
  }
  override realtime(into: Timestamp): void {
    this.#system.realtime(into);
  }
}

export class EngineDirectory implements PosixDirectory {
  readonly attributes: PosixAttributes;
  readonly xattrs: PosixXattrs;
  readonly handles: PosixHandles;
  readonly locks: PosixLocks = noLocks;
  readonly mappings: PosixMappings = noMappings;
  readonly #calls: EngineCalls;
  readonly #caller: Caller;
  readonly #session: PosixSession;

  constructor(calls: EngineCalls, caller: Caller = ROOT_CALLER) {
    this.#calls = calls;
    this.#caller = caller;
    this.#session = new PosixSession(calls.volume, caller);
    this.attributes = new EngineAttributes(calls, this.#session);
    this.xattrs = new EngineXattrs(calls, this.#session);
    this.handles = new EngineHandles(calls, this.#session);
  }

  as(caller: Partial<Caller>): PosixDirectory {
    return new EngineDirectory(this.#calls, { ...this.#caller, ...caller });
  }

  mkdir(path: string, mode: number = DIRECTORY_MODE): void {
    this.#calls.run(() => mkdir(this.#session, path, mode));
  }
  mknod(path: string, mode: number, device: Device = { major: 0, minor: 0 }): void {
    this.#calls.run(() => mknod(this.#session, path, mode, device));
  }
  symlink(target: string, path: string): void {
    this.#calls.run(() => symlink(this.#session, target, path));
  }
  link(from: string, to: string, { follow = false }: FollowOption = {}): void {
    this.#calls.run(() => linkPath(this.#session, from, to, { follow }));
  }
  unlink(path: string): void {
    this.#calls.run(() => unlinkPath(this.#session, path));
  }
  rmdir(path: string): void {
    this.#calls.run(() => rmdirPath(this.#session, path));
  }
  rename(from: string, to: string, flags: number = 0): void {
    this.#calls.run(() => renamePath(this.#session, from, to, flags));
  }

  open(path: string, flags: number, mode: number = FILE_MODE): PosixFile {
    const file = this.#calls.run(() => openPath(this.#session, pathOf(path), flags, mode));
    return new EngineFile(
      { calls: this.#calls, session: this.#session, caller: this.#caller },
      file,
    );
  }
  openDirectory(path: string): PosixDirectoryStream {
    const file = this.#calls.run(() =>
      openPath(this.#session, pathOf(path), OpenFlag.RDONLY | OpenFlag.DIRECTORY, 0),
    );
    return new EngineDirectoryStream(
      { calls: this.#calls, session: this.#session, caller: this.#caller },
      file,
    );
  }

  readlink(path: string): string {
    return this.#calls.run(() => readlinkPath(this.#session, path));
  }
  stat(path: string): PosixStat {
    return this.#calls.run(() => statOf(statPath(this.#session, pathOf(path), true)));
  }
  lstat(path: string): PosixStat {
    return this.#calls.run(() => statOf(statPath(this.#session, pathOf(path), false)));
  }
  access(path: string, mode: number): void {
    this.#calls.run(() => accessPath(this.#session, pathOf(path), mode));
  }

  statfs(path: string): PosixStatfs {
    this.open(path, OpenFlag.RDONLY).close();
    return this.#calls.run(() => {
      const usage = statfs(this.#session);
      return { ...usage, availableCount: usage.freeCount };
    });
  }
}

class EngineAttributes implements PosixAttributes {
  readonly #calls: EngineCalls;
  readonly #session: PosixSession;

  constructor(calls: EngineCalls, session: PosixSession) {
    this.#calls = calls;
    this.#session = session;
  }

  chmod(path: string, mode: number): void {
    this.#calls.run(() => chmodInode(this.#session, this.#find(path, {}), mode));
  }
  chown(path: string, owner: Owner, options: FollowOption = {}): void {
    this.#calls.run(() => chownInode(this.#session, this.#find(path, options), owner));
  }
  /** With nothing to set Linux does not even look at the path. */
  utimens(path: string, times: TimeChanges, options: FollowOption = {}): void {
    const changes = timesOf(times);
    if (changes.atime === undefined && changes.mtime === undefined) return;
    this.#calls.run(() => setTimes(this.#session, this.#find(path, options), changes));
  }
  truncate(path: string, size: number | bigint): void {
    this.#calls.run(() => truncatePath(this.#session, pathOf(path), Number(size)));
  }

  getFlags(path: string): number {
    return toChattrFlags(this.#flagsOf(path).flags);
  }
  setFlags(path: string, value: number): void {
    const { projid } = this.#flagsOf(path);
    const flags = fromChattrFlags(value);
    this.#calls.run(() => setFlags(this.#session, this.#find(path, {}), { flags, projid }));
  }
  getExtended(path: string): ExtendedFlags {
    const { flags, projid } = this.#flagsOf(path);
    return { xflags: toExtendedFlags(flags), projectId: projid };
  }
  setExtended(path: string, { xflags }: Pick<ExtendedFlags, "xflags">): void {
    const before = this.#flagsOf(path);
    const flags = fromExtendedFlags(xflags) | (before.flags & InodeFlag.DIRSYNC);
    const change = { flags, projid: before.projid };
    this.#calls.run(() => setFlags(this.#session, this.#find(path, {}), change));
  }

  /** An ioctl needs an open file. */
  #flagsOf(path: string): { flags: number; projid: number } {
    return this.#calls.run(() => {
      const file = openPath(this.#session, pathOf(path), OpenFlag.RDONLY, 0);
      try {
        return flagsOf(this.#session, file.ino);
      } finally {
        file.close();
      }
    });
  }

  #find(path: string, { follow = true }: FollowOption): ReturnType<typeof toIno> {
    return this.#session.walk().inode(pathOf(path), follow).ino;
  }
}

class EngineXattrs implements PosixXattrs {
  readonly #calls: EngineCalls;
  readonly #session: PosixSession;

  constructor(calls: EngineCalls, session: PosixSession) {
    this.#calls = calls;
    this.#session = session;
  }

  get(path: string, name: string, options: XattrReadOptions = {}): Uint8Array {
    const value = this.#calls.run(() => getxattr(this.#session, this.#finder(path, options), name));
    demandFit(value.length, options);
    return value;
  }
  set(path: string, name: string, value: Uint8Array, options: XattrSetOptions = {}): void {
    const { flags = 0 } = options;
    const attribute = { name, value: value.slice(), flags };
    this.#calls.run(() => setXattr(this.#session, this.#finder(path, options), attribute));
  }
  list(path: string, options: XattrReadOptions = {}): string[] {
    const names = this.#calls.run(() => listxattr(this.#session, this.#finder(path, options)));
    demandFit(
      names.reduce((size, name) => size + name.length + 1, 0),
      options,
    );
    return names;
  }
  remove(path: string, name: string, options: FollowOption = {}): void {
    this.#calls.run(() => removeXattr(this.#session, this.#finder(path, options), name));
  }

  #finder(path: string, { follow = true }: FollowOption): () => ReturnType<typeof toIno> {
    return () => this.#session.walk().inode(pathOf(path), follow).ino;
  }
}

/** A buffer of no bytes asks for the size alone. */
function demandFit(size: number, { bufferSize = 0 }: XattrReadOptions): void {
  if (bufferSize !== 0 && size > bufferSize) throw new FsError("ERANGE", `${size} bytes`);
}

/** Inode numbers are never used twice: one is a handle. */
class EngineHandles implements PosixHandles {
  readonly #calls: EngineCalls;
  readonly #session: PosixSession;

  constructor(calls: EngineCalls, session: PosixSession) {
    this.#calls = calls;
    this.#session = session;
  }

  encode(path: string): FileHandle {
    const { ino } = this.#calls.run(() => this.#session.walk().inode(pathOf(path), false));
    return { type: HANDLE_TYPE, bytes: new Uint8Array(new Float64Array([ino]).buffer) };
  }

  open(handle: FileHandle, flags: number): PosixFile {
    const { credentials } = this.#session;
    if (credentials.uid !== 0) throw new FsError("EPERM", "handles are root's to open");
    const ino = toIno(new Float64Array(handle.bytes.slice().buffer)[0]!);
    const file = this.#calls.run(() => {
      return openExisting(this.#session, this.#session.meta.requireInode(ino), flags);
    });
    return new EngineFile(
      { calls: this.#calls, session: this.#session, caller: credentials },
      file,
    );
  }
}

/** "" is the root itself. */
function pathOf(path: string): string {
  return path === "" ? "." : path;
}

const noLocks: PosixLocks = {
  flock: noKernel,
  lockRange: noKernel,
  lockForProcess: noKernel,
  tryFromAnotherProcess: noKernel,
};

const noMappings: PosixMappings = {
  map: (): PosixMapping => noKernel(),
};

function noKernel(): never {
  throw new Error("the engine has no kernel before it");
}
