/**
 * An open file and what is done through it. It keeps its inode alive after its last name is gone.
 *
 * The right to read and write was checked at open; whether set-id bits survive a write is decided at each write, by who
 * writes. Source: fs/read_write.c, fs/open.c, fs/remap_range.c.
 */
import { FsError } from "../../core/fs-error.ts";
import type { Ino } from "../../core/ids.ts";
import { FILE_SIZE_MAX, REQUEST_DATA_SIZE_MAX } from "../../core/limits.ts";
import { WRITE_HEADER_SIZE } from "../../journal/record.ts";
import type { Inode } from "../../meta/inode.ts";
import { seekData, seekHole } from "../../vfs/extent-walk.ts";
import { copyRange } from "../../vfs/ops/copy-range.ts";
import { fallocate, roomToAllocate } from "../../vfs/ops/fallocate.ts";
import { dropPrivileges, truncateInode } from "./attribute-calls.ts";
import { linkInode } from "./name-calls.ts";
import { OpenFlag } from "./open-flags.ts";
import type { PosixSession, PosixVolume } from "./posix-session.ts";

/** Bytes that must lie before the data that `write` is given; they are overwritten. */
export const WRITE_HEADROOM: number = WRITE_HEADER_SIZE;

export interface CopyRange {
  readonly sourceOffset: number;
  readonly targetOffset: number;
  readonly length: number;
}

export class OpenFile {
  readonly ino: Ino;
  /** `OpenFlag` bits. */
  readonly flags: number;
  readonly #volume: PosixVolume;
  #isClosed = false;

  static open(volume: PosixVolume, ino: Ino, flags: number): OpenFile {
    volume.hold(ino);
    return new OpenFile(volume, ino, flags);
  }

  private constructor(volume: PosixVolume, ino: Ino, flags: number) {
    this.#volume = volume;
    this.ino = ino;
    this.flags = flags;
  }

  get isReadable(): boolean {
    const mode = this.flags & OpenFlag.ACCESS_MODE;
    return !this.#isPlace && (mode === OpenFlag.RDONLY || mode === OpenFlag.RDWR);
  }

  get isWritable(): boolean {
    const mode = this.flags & OpenFlag.ACCESS_MODE;
    return !this.#isPlace && (mode === OpenFlag.WRONLY || mode === OpenFlag.RDWR);
  }

  /** For calls that an O_PATH handle allows too. */
  inode(): Inode {
    this.#demandOpen();
    return this.#volume.meta.requireInode(this.ino);
  }

  /** For calls on the file itself: throws EBADF for an O_PATH handle. */
  contentInode(): Inode {
    if (this.#isPlace) throw new FsError("EBADF", "the handle was opened for its place alone");
    return this.inode();
  }

  /** Fills `into` from `at` on; returns how many bytes there were, fewer than asked for only at the end of the file. */
  read(
    session: PosixSession,
    range: { readonly offset: number; readonly length: number },
    into: Uint8Array,
    at: number,
  ): number {
    if (!this.isReadable) throw new FsError("EBADF", "the handle is not open for reading");
    if (range.offset < 0) throw new FsError("EINVAL", `offset ${range.offset}`);
    const inode = this.contentInode();
    if (inode.isDirectory()) throw new FsError("EISDIR", `inode ${this.ino} is a directory`);
    if (range.length === 0) return 0;
    const count = session.volume.core.reader.read(inode, range, into, at);
    if ((this.flags & OpenFlag.NOATIME) === 0) session.touch(inode);
    return count;
  }

  /**
   * Writes the `length` bytes at WRITE_HEADROOM of `buffer`, which is not the caller's any more. Returns how many: fewer
   * than asked for only when room or the largest file's size ends there.
   */
  write(session: PosixSession, offset: number, buffer: Uint8Array, length: number): number {
    if (!this.isWritable) throw new FsError("EBADF", "the handle is not open for writing");
    if (offset < 0) throw new FsError("EINVAL", `offset ${offset}`);
    const inode = this.contentInode();
    if (length === 0) return 0;
    const append = (this.flags & OpenFlag.APPEND) !== 0;
    const start = append ? inode.size : offset;
    if (start >= FILE_SIZE_MAX) throw new FsError("EFBIG", `a write at ${start}`);
    const end = Math.min(length, FILE_SIZE_MAX - start);
    dropPrivileges(session, inode);
    let done = 0;
    while (done < end) {
      const piece = { offset: start + done, length: Math.min(REQUEST_DATA_SIZE_MAX, end - done) };
      try {
        this.#writePiece(session, piece, append, buffer.subarray(done));
      } catch (error) {
        if (done === 0 || !(error instanceof FsError)) throw error;
        break;
      }
      done += piece.length;
    }
    if (this.flags & OpenFlag.SYNC) session.volume.flush();
    return done;
  }

  /** Throws EINVAL where ftruncate(2) does: a negative size, no file, not open for writing. */
  truncate(session: PosixSession, size: number): void {
    const inode = this.contentInode();
    if (!(size >= 0) || !inode.isRegular() || !this.isWritable) {
      throw new FsError("EINVAL", `truncate of inode ${this.ino} to ${size} bytes`);
    }
    session.demandWritable();
    truncateInode(session, inode, size);
  }

  /** fallocate(2): `FallocateMode` bits. */
  allocate(
    session: PosixSession,
    mode: number,
    range: { readonly offset: number; readonly length: number },
  ): void {
    const { offset, length } = range;
    if (!(offset >= 0) || !(length > 0)) {
      throw new FsError("EINVAL", `a range of ${length} bytes at ${offset}`);
    }
    if (!this.isWritable) throw new FsError("EBADF", "the handle is not open for writing");
    const inode = this.contentInode();
    const args = { ino: this.ino, mode, offset, length };
    session.demandRoom(roomToAllocate(session.state, args));
    dropPrivileges(session, inode);
    session.runFile(fallocate, args);
  }

  /** Where the next data, or the next hole, begins. Throws ENXIO past the end, and for data in a last hole. */
  seek(session: PosixSession, kind: "data" | "hole", offset: number): number {
    const inode = this.contentInode();
    if (offset < 0) throw new FsError("ENXIO", `offset ${offset}`);
    const find = kind === "data" ? seekData : seekHole;
    return find(session.state, inode, offset);
  }

  /** copy_file_range(2): shares what is stored. Returns how many bytes there were before the source's end. */
  copyTo(session: PosixSession, target: OpenFile, range: CopyRange): number {
    const { sourceOffset, targetOffset } = range;
    const inodes = [this.contentInode(), target.contentInode()];
    if (inodes.some((inode) => inode.isDirectory())) {
      throw new FsError("EISDIR", "directories cannot be copied");
    }
    const appends = (target.flags & OpenFlag.APPEND) !== 0;
    if (!this.isReadable || !target.isWritable || appends) {
      throw new FsError("EBADF", "the source is to be readable, the target writable anywhere");
    }
    if (!(sourceOffset >= 0) || !(targetOffset >= 0) || !(range.length >= 0)) {
      throw new FsError("EINVAL", `a copy of ${range.length} bytes to ${targetOffset}`);
    }
    if (targetOffset >= FILE_SIZE_MAX) throw new FsError("EFBIG", `a copy to ${targetOffset}`);
    session.demandRoom();
    const length = Math.min(range.length, FILE_SIZE_MAX - targetOffset);
    dropPrivileges(session, target.contentInode());
    const result = session.runFile(copyRange, {
      source: this.ino,
      sourceOffset,
      target: target.ino,
      targetOffset,
      length,
    });
    return result.length;
  }

  /** linkat(2) with AT_EMPTY_PATH: a file made without a name gets one, unless it was opened exclusively. */
  linkAs(session: PosixSession, path: string): void {
    const isTemporary = (this.flags & OpenFlag.TMPFILE) === OpenFlag.TMPFILE;
    const { ino } = this.inode();
    if (isTemporary && this.flags & OpenFlag.EXCL) {
      throw new FsError("ENOENT", `inode ${ino} was opened never to have a name`);
    }
    linkInode(session, ino, path);
  }

  /** A second time: nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#volume.release(this.ino);
  }

  get #isPlace(): boolean {
    return (this.flags & OpenFlag.PATH) !== 0;
  }

  #writePiece(
    session: PosixSession,
    piece: { readonly offset: number; readonly length: number },
    append: boolean,
    buffer: Uint8Array,
  ): void {
    session.demandRoom();
    const request = {
      ino: this.ino,
      ...piece,
      append,
      killSuidgid: session.credentials.uid !== 0,
    };
    session.volume.core.executor.write(session.caller(), request, buffer, 0);
  }

  #demandOpen(): void {
    if (this.#isClosed) throw new FsError("EBADF", "the handle is closed");
  }
}
