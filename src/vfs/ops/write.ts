/**
 * A write: the journal record holds the bytes, the overlay remembers where they are (DESIGN section 6).
 *
 * Not an `Operation` like the others: its record is laid over the FUSE request, so arguments are passed one by one
 * and nothing is allocated but the piece. `prepareWrite` decides, `applyWrite` has the effects, live and in replay.
 */
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { FILE_SIZE_MAX } from "../../core/limits.ts";
import { modeWithoutSetId } from "../../meta/attribute-change.ts";
import { FileType, InodeFlag, TYPE_MASK, type Inode } from "../../meta/inode.ts";
import type { WriteArgs } from "../../journal/record.ts";
import { CAPABILITY_NAME, dropXattr } from "../../meta/xattr-store.ts";
import type { RecordData } from "../dirty-data.ts";
import type { FileState } from "../file-state.ts";

/** Flags of a WRITE record. */
export const WriteRecordFlag = {
  /** Clear set-user-id, and set-group-id of a group-executable file: the writer may not keep them. */
  KILL_SUIDGID: 1,
} as const;

/** Validates and says where the data goes. Throws EFBIG, EPERM (immutable; not appending to an append-only file), EINVAL. */
export function prepareWrite(
  state: FileState,
  options: { ino: Ino; offset: number; length: number; append: boolean },
): number {
  const inode = state.meta.requireInode(options.ino);
  if ((inode.mode & TYPE_MASK) !== FileType.REGULAR) {
    throw new FsError(
      inode.isDirectory() ? "EISDIR" : "EINVAL",
      `inode ${inode.ino} is not a file`,
    );
  }
  const offset = options.append ? inode.size : options.offset;
  if (offset + options.length > FILE_SIZE_MAX) {
    throw new FsError("EFBIG", `a write past ${FILE_SIZE_MAX} bytes`);
  }
  if ((inode.flags & (InodeFlag.IMMUTABLE | InodeFlag.APPEND)) !== 0) {
    if (inode.has(InodeFlag.IMMUTABLE)) throw new FsError("EPERM", "the file is immutable");
    if (!options.append) throw new FsError("EPERM", "the file is append-only");
  }
  return offset;
}

/** The effects of a WRITE record whose data lies at `record`. */
export function applyWrite(state: FileState, args: WriteArgs, record: RecordData): void {
  const ino = toIno(args.ino);
  const inode = state.meta.getInode(ino);
  if (inode === undefined) throw new CorruptError(`write: inode ${ino} is missing`);
  const end = args.offset + args.dataLength;
  if (end > inode.size) inode.size = end;
  inode.mtimeSec = args.timeSec;
  inode.mtimeNsec = args.timeNsec;
  inode.ctimeSec = args.timeSec;
  inode.ctimeNsec = args.timeNsec;
  killPrivileges(state, inode, (args.flags & WriteRecordFlag.KILL_SUIDGID) !== 0);
  state.meta.markDirty(inode);
  state.dirty.put(ino, args.offset, args.dataLength, record, 0);
}

/** What changing content takes away: set-id bits when told so, the capability always (killpriv v2). */
export function killPrivileges(state: FileState, inode: Inode, suidgid: boolean): void {
  if (suidgid) inode.mode = modeWithoutSetId(inode.mode);
  if (inode.has(InodeFlag.CAPABILITY)) dropXattr(state.meta, inode, CAPABILITY_NAME);
}
