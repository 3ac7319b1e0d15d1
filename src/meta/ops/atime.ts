/**
 * Remembers that something was read, as rarely as mount option relatime allows (mount(8)); `isAtimeDue` decides before
 * there is an operation. Source: fs/inode.c relatime_need_update.
 */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import type { Timestamp } from "../../core/clock.ts";
import { CorruptError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { InodeFlag, type Inode } from "../inode.ts";
import type { MetaState } from "../meta-state.ts";
import { OpKind, type Caller, type Operation } from "../operation.ts";

export interface AtimeArgs {
  readonly ino: Ino;
}

export interface AtimeResult {
  readonly sec: number;
  readonly nsec: number;
}

/** An atime is renewed once it is a day old even if nothing changed. */
const RELATIME_AGE_SEC = 24 * 60 * 60;

export const atime: Operation<MetaState, AtimeArgs, AtimeResult> = {
  kind: OpKind.ATIME,
  version: 1,
  name: "atime",
  prepare,
  apply,
  encode,
  decode,
};

/** Not after mtime and ctime, or a day old. Allocates nothing. */
export function isAtimeDue(inode: Inode, now: Timestamp): boolean {
  if (inode.has(InodeFlag.NOATIME)) return false;
  const { atimeSec, atimeNsec } = inode;
  return (
    now.sec - atimeSec >= RELATIME_AGE_SEC ||
    !isAfter(atimeSec, atimeNsec, inode.mtimeSec, inode.mtimeNsec) ||
    !isAfter(atimeSec, atimeNsec, inode.ctimeSec, inode.ctimeNsec)
  );
}

function isAfter(sec: number, nsec: number, otherSec: number, otherNsec: number): boolean {
  return sec > otherSec || (sec === otherSec && nsec > otherNsec);
}

function prepare(state: MetaState, caller: Caller, args: AtimeArgs): AtimeResult {
  state.requireInode(args.ino);
  return { sec: caller.now.sec, nsec: caller.now.nsec };
}

function apply(state: MetaState, args: AtimeArgs, result: AtimeResult): void {
  const inode = state.getInode(args.ino);
  if (inode === undefined) throw new CorruptError(`atime: inode ${args.ino} is missing`);
  inode.atimeSec = result.sec;
  inode.atimeNsec = result.nsec;
  state.markDirty(inode);
}

function encode(into: ByteWriter, args: AtimeArgs, result: AtimeResult): void {
  into.uvarint(args.ino);
  into.svarint(result.sec);
  into.u32(result.nsec);
}

function decode(from: ByteReader): { args: AtimeArgs; result: AtimeResult } {
  return {
    args: { ino: toIno(from.uvarint()) },
    result: { sec: from.svarint(), nsec: from.u32() },
  };
}
