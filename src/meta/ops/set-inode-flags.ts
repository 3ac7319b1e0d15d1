/**
 * Sets the chattr(1) flags and the project id, both as they shall be afterwards.
 * Source: fs/file_attr.c (vfs_fileattr_set), fs/ext4/ioctl.c (ext4_ioctl_check_immutable, ext4_ioctl_setflags).
 */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { flagsFor } from "../inherit.ts";
import { CHATTR_FLAGS, InodeFlag } from "../inode.ts";
import type { MetaState } from "../meta-state.ts";
import { OpKind, type Caller, type Operation } from "../operation.ts";

export interface SetInodeFlagsArgs {
  readonly ino: Ino;
  /** `InodeFlag` bits out of `CHATTR_FLAGS`. */
  readonly flags: number;
  readonly projid: number;
}

export interface SetInodeFlagsResult {
  readonly sec: number;
  readonly nsec: number;
}

const PRIVILEGED_FLAGS = InodeFlag.IMMUTABLE | InodeFlag.APPEND;

export const setInodeFlags: Operation<MetaState, SetInodeFlagsArgs, SetInodeFlagsResult> = {
  kind: OpKind.SETFLAGS,
  version: 1,
  name: "set-inode-flags",
  prepare,
  apply,
  encode,
  decode,
};

/** Owner and privilege are checked for every front end: older kernels hand chattr's ioctl on as it is. */
function prepare(state: MetaState, caller: Caller, args: SetInodeFlagsArgs): SetInodeFlagsResult {
  const inode = state.requireInode(args.ino);
  const { flags, projid } = args;
  const changed = (inode.flags & CHATTR_FLAGS) ^ flags;
  if (caller.uid !== inode.uid && !caller.privileged) {
    throw new FsError("EPERM", `inode ${inode.ino} is another's`);
  }
  if (flags & ~CHATTR_FLAGS || flagsFor(inode.type, flags) !== flags) {
    throw new FsError("EOPNOTSUPP", `inode ${inode.ino} cannot have the flags ${flags}`);
  }
  if (changed & PRIVILEGED_FLAGS && !caller.privileged) {
    throw new FsError("EPERM", "immutable and append-only need privilege");
  }
  const staysImmutable = (inode.flags & flags & InodeFlag.IMMUTABLE) !== 0;
  if (staysImmutable && (changed !== 0 || projid !== inode.projid)) {
    throw new FsError("EPERM", `inode ${inode.ino} is immutable`);
  }
  return { sec: caller.now.sec, nsec: caller.now.nsec };
}

function apply(state: MetaState, args: SetInodeFlagsArgs, result: SetInodeFlagsResult): void {
  const inode = state.getInode(args.ino);
  if (inode === undefined) throw new CorruptError(`set-inode-flags: inode ${args.ino} is missing`);
  inode.flags = (inode.flags & ~CHATTR_FLAGS) | args.flags;
  inode.projid = args.projid;
  inode.setCtime(result);
  state.markDirty(inode);
}

function encode(into: ByteWriter, args: SetInodeFlagsArgs, result: SetInodeFlagsResult): void {
  into.uvarint(args.ino);
  into.uvarint(args.flags);
  into.uvarint(args.projid);
  into.svarint(result.sec);
  into.u32(result.nsec);
}

function decode(from: ByteReader): { args: SetInodeFlagsArgs; result: SetInodeFlagsResult } {
  return {
    args: { ino: toIno(from.uvarint()), flags: from.uvarint(), projid: from.uvarint() },
    result: { sec: from.svarint(), nsec: from.u32() },
  };
}
