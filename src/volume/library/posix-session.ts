/**
 * A volume as system calls see it: what all calls of one volume share, and one caller's view of it.
 *
 * The calls (name-calls.ts, attribute-calls.ts, open-call.ts …) are synchronous and run in the engine's thread. What
 * always holds: access is checked here, for there is no kernel that did; an inode without names lives while it is open
 * and is freed after its last close (rule J8).
 */
import type { Clock, Timestamp } from "../../core/clock.ts";
import { CrashError, FsError } from "../../core/fs-error.ts";
import { ROOT_INO, type Ino } from "../../core/ids.ts";
import type { Inode } from "../../meta/inode.ts";
import type { MetaState } from "../../meta/meta-state.ts";
import type { Caller, Operation } from "../../meta/operation.ts";
import { atime, isAtimeDue } from "../../meta/ops/atime.ts";
import type { FileState } from "../../vfs/file-state.ts";
import { reap, REAP_COUNT_MAX } from "../../vfs/ops/reap.ts";
import { PathWalk } from "../../vfs/path-walk.ts";
import type { VolumeCore } from "../volume-core.ts";
import type { VolumeSpace } from "../volume-room.ts";

/** On whose behalf calls run. Uid 0 has every capability, any other has none. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; `gid` need not be among them. */
  readonly groups: readonly number[];
  readonly umask: number;
}

export class PosixVolume {
  readonly core: VolumeCore;
  readonly clock: Clock;
  readonly space: VolumeSpace;
  readonly readOnly: boolean;
  /** What a write opened with O_SYNC waits for. */
  readonly level: "memory" | "disk";
  /** Open handles by inode. */
  readonly #handleCounts = new Map<Ino, number>();
  /** Inodes that lost their last name or handle since the last `reap`. */
  readonly #released = new Set<Ino>();

  constructor(options: {
    readonly core: VolumeCore;
    readonly clock: Clock;
    readonly space: VolumeSpace;
    readonly readOnly: boolean;
    readonly level: "memory" | "disk";
  }) {
    this.core = options.core;
    this.clock = options.clock;
    this.space = options.space;
    this.readOnly = options.readOnly;
    this.level = options.level;
  }

  get state(): FileState {
    return this.core.state;
  }

  get meta(): MetaState {
    return this.core.state.meta;
  }

  hold(ino: Ino): void {
    this.#handleCounts.set(ino, (this.#handleCounts.get(ino) ?? 0) + 1);
  }

  release(ino: Ino): void {
    const count = (this.#handleCounts.get(ino) ?? 0) - 1;
    if (count > 0) {
      this.#handleCounts.set(ino, count);
      return;
    }
    this.#handleCounts.delete(ino);
    this.unlinked(ino);
  }

  isHeld(ino: Ino): boolean {
    return this.#handleCounts.has(ino);
  }

  /** `ino` lost a name: it is freed at the next `reap` if that was the last one and nobody holds it. */
  unlinked(ino: Ino): void {
    if (this.meta.orphans.has(ino) && !this.isHeld(ino)) this.#released.add(ino);
  }

  /** Nobody can hold anything that an earlier process left without a name. Returns how many there were. */
  releaseOrphans(): number {
    const { orphans } = this.meta;
    for (const ino of orphans) this.unlinked(ino);
    return orphans.size;
  }

  /** Frees what was released; called between calls. */
  reap(): void {
    while (this.#released.size > 0) {
      const inos: Ino[] = [];
      for (const ino of this.#released) {
        if (inos.length === REAP_COUNT_MAX) break;
        this.#released.delete(ino);
        if (!this.isHeld(ino)) inos.push(ino);
      }
      this.core.executor.runOwn(reap, this.core.caller(), { inos });
    }
  }

  /** Makes all that was written durable as the level says. A failed flush ends the engine (J2). */
  flush(): void {
    if (this.level === "memory") return;
    try {
      this.core.journal.flush();
    } catch (error) {
      throw new CrashError("the journal could not be flushed", { cause: error });
    }
  }
}

export class PosixSession {
  readonly volume: PosixVolume;
  readonly credentials: Credentials;
  readonly #caller: Caller & { readonly now: Timestamp };

  constructor(volume: PosixVolume, credentials: Credentials) {
    this.volume = volume;
    this.credentials = credentials;
    const { uid, gid, groups, umask } = credentials;
    this.#caller = {
      uid,
      gid,
      pid: 0,
      umask,
      groups,
      checkAccess: true,
      privileged: uid === 0,
      unique: 0,
      now: { sec: 0, nsec: 0 },
    };
  }

  get meta(): MetaState {
    return this.volume.core.state.meta;
  }

  get state(): FileState {
    return this.volume.core.state;
  }

  /** One object, with the present time; valid until the next call. */
  caller(): Caller {
    this.volume.clock.realtime(this.#caller.now);
    return this.#caller;
  }

  walk(): PathWalk {
    return new PathWalk(this.meta, {
      caller: this.caller(),
      from: ROOT_INO,
      onLinkRead: (link) => this.touch(link),
    });
  }

  runMeta<Args, Result>(operation: Operation<MetaState, Args, Result>, args: Args): Result {
    return this.volume.core.executor.runMeta(operation, this.caller(), args);
  }

  runFile<Args, Result>(operation: Operation<FileState, Args, Result>, args: Args): Result {
    return this.volume.core.executor.runFile(operation, this.caller(), args);
  }

  /** Throws EROFS. */
  demandWritable(): void {
    if (this.volume.readOnly) throw new FsError("EROFS", "the volume is open for reading only");
  }

  /** For what needs room, or is to keep it for `size` bytes. Throws EROFS, ENOSPC. */
  demandRoom(size = 0): void {
    this.demandWritable();
    this.volume.space.check(size);
  }

  /** relatime: what was read is remembered when its atime is older than its changes, or a day old. */
  touch(inode: Inode): void {
    if (this.volume.readOnly || !isAtimeDue(inode, this.caller().now)) return;
    try {
      this.runMeta(atime, { ino: inode.ino });
    } catch (error) {
      // A full journal: the read is none the worse for it.
      if (!(error instanceof FsError)) throw error;
    }
  }
}
