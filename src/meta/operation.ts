/**
 * What mutates is an operation: one file under meta/ops or vfs/ops, a deterministic function of the state and
 * its arguments (rules J1, J3).
 *
 *   prepare   validates against the state and decides everything that may not be decided twice (ids, times, final
 *             modes). Throws FsError to refuse; changes nothing.
 *   apply     the effects, from arguments and result alone: the same in live work and in replay. Never refuses; what
 *             does not fit the state is corruption (CorruptError) in replay and a bug in live work.
 *   encode / decode   the journal record's payload. `version` grows when the layout does; old ones stay decodable.
 *
 * Failing calls leave no record: they had no effect.
 */
import type { ByteReader } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import type { Timestamp } from "../core/clock.ts";

/** Who asks, as the front end knows it. One object may be reused for every request. */
export interface Caller {
  uid: number;
  gid: number;
  pid: number;
  umask: number;
  /** Supplementary groups, when the front end knows them (the kernel checks them itself for FUSE). */
  groups: readonly number[];
  /** True when mode and ACL must be checked here; FUSE with default_permissions has done so. */
  checkAccess: boolean;
  /** The caller has CAP_FSETID / CAP_FOWNER / CAP_CHOWN …: root in the front end's eyes. */
  privileged: boolean;
  /** The request's id at its front end, for the reply after a restart; 0 = none. */
  unique: number;
  /** Wall clock when the request was taken. */
  readonly now: Timestamp;
}

/** Numbers in journal records: never reused, never renumbered. */
export const OpKind = {
  WRITE: 1,
  CREATE: 2,
  UNLINK: 3,
  RMDIR: 4,
  RENAME: 5,
  LINK: 6,
  SETATTR: 7,
  SETXATTR: 8,
  REMOVEXATTR: 9,
  FALLOCATE: 10,
  COPY_RANGE: 11,
  SETFLAGS: 12,
  ATIME: 13,
  REAP: 14,
  PACK_STORED: 15,
  PACK_DROPPED: 16,
  REPACK: 17,
  CUT: 18,
  SETTING: 19,
} as const;

export interface Operation<State, Args, Result> {
  readonly kind: number;
  readonly version: number;
  readonly name: string;
  prepare(state: State, caller: Caller, args: Args): Result;
  apply(state: State, args: Args, result: Result): void;
  encode(into: ByteWriter, args: Args, result: Result): void;
  /** Calls `then` with what was encoded. Throws CorruptError. */
  decode(from: ByteReader, version: number): { args: Args; result: Result };
}
