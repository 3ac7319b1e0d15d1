/** The calls of an opened volume, in the engine's thread: by name, on behalf of one caller, with a table of open files. */
import { FsError } from "../../core/fs-error.ts";
import type { Ino } from "../../core/ids.ts";
import {
  accessPath,
  attributesOf,
  chmodInode,
  chownInode,
  readlinkPath,
  setTimes,
  statfs,
  statPath,
  truncatePath,
  type FileAttributes,
  type Owner,
  type TimeChanges,
  type VolumeUsage,
} from "./attribute-calls.ts";
import { readEntries, type DirectoryEntry } from "./directory-reader.ts";
import type {
  ByteRange,
  EngineMethods,
  Follow,
  HandleId,
  OpenHow,
  XattrValue,
} from "./engine-link.ts";
import {
  linkPath,
  mkdir,
  mknod,
  renamePath,
  rmdirPath,
  symlink,
  unlinkPath,
  type Device,
} from "./name-calls.ts";
import { openPath } from "./open-call.ts";
import { WRITE_HEADROOM, type CopyRange, type OpenFile } from "./open-file.ts";
import { OpenFlag } from "./open-flags.ts";
import type { PosixSession } from "./posix-session.ts";
import { getxattr, listxattr, removeXattr, setXattr } from "./xattr-calls.ts";

/** Open files of one volume; as a process's limit would be. */
const HANDLE_COUNT_MAX = 65_536;

export class EngineCalls implements EngineMethods {
  readonly #session: PosixSession;
  readonly #handles = new Map<HandleId, OpenFile>();
  #lastHandle = 0;

  constructor(session: PosixSession) {
    this.#session = session;
  }

  /** Throws EBADF. */
  handle(id: HandleId): OpenFile {
    const file = this.#handles.get(id);
    if (file === undefined) throw new FsError("EBADF", "the handle is closed");
    return file;
  }

  closeAll(): void {
    for (const file of this.#handles.values()) file.close();
    this.#handles.clear();
  }

  stat(path: string, { follow }: Follow): FileAttributes {
    return statPath(this.#session, path, follow);
  }
  access(path: string, wanted: number): void {
    accessPath(this.#session, path, wanted);
  }
  readlink(path: string): string {
    return readlinkPath(this.#session, path);
  }
  mkdir(path: string, mode: number): void {
    mkdir(this.#session, path, mode);
  }
  mknod(path: string, mode: number, device: Device): void {
    mknod(this.#session, path, mode, device);
  }
  rmdir(path: string): void {
    rmdirPath(this.#session, path);
  }
  unlink(path: string): void {
    unlinkPath(this.#session, path);
  }
  rename(from: string, to: string, flags: number): void {
    renamePath(this.#session, from, to, flags);
  }
  link(from: string, to: string, how: Follow): void {
    linkPath(this.#session, from, to, how);
  }
  symlink(target: string, path: string): void {
    symlink(this.#session, target, path);
  }
  chmod(path: string, mode: number): void {
    chmodInode(this.#session, this.#find(path, true), mode);
  }
  chown(path: string, owner: Owner, { follow }: Follow): void {
    chownInode(this.#session, this.#find(path, follow), owner);
  }
  utimes(path: string, times: TimeChanges, { follow }: Follow): void {
    setTimes(this.#session, this.#find(path, follow), times);
  }
  truncate(path: string, size: number): void {
    truncatePath(this.#session, path, size);
  }
  statfs(): VolumeUsage {
    return statfs(this.#session);
  }

  getxattr(path: string, name: string, { follow }: Follow): Uint8Array {
    return getxattr(this.#session, () => this.#find(path, follow), name);
  }
  setxattr(path: string, attribute: XattrValue, { follow }: Follow): void {
    setXattr(this.#session, () => this.#find(path, follow), attribute);
  }
  listxattr(path: string, { follow }: Follow): string[] {
    return listxattr(this.#session, () => this.#find(path, follow));
  }
  removexattr(path: string, name: string, { follow }: Follow): void {
    removeXattr(this.#session, () => this.#find(path, follow), name);
  }

  readFile(path: string, flags: number, sizeMax: number): Uint8Array | undefined {
    return this.#withFile(path, { flags, mode: 0 }, (file) => {
      const { size } = file.contentInode();
      return size > sizeMax ? undefined : this.#read(file, { offset: 0, length: size });
    });
  }
  writeFile(path: string, how: OpenHow, buffer: Uint8Array): number {
    const length = buffer.length - WRITE_HEADROOM;
    return this.#withFile(path, how, (file) => file.write(this.#session, 0, buffer, length));
  }
  readdir(path: string, limit: number): DirectoryEntry[] | undefined {
    const how = { flags: OpenFlag.RDONLY | OpenFlag.DIRECTORY, mode: 0 };
    return this.#withFile(path, how, (file) => {
      const entries = readEntries(this.#session, file, { after: 0, limit: limit + 1 });
      return entries.length > limit ? undefined : entries;
    });
  }

  /** Throws EMFILE when too many are open. */
  open(path: string, { flags, mode }: OpenHow): HandleId {
    if (this.#handles.size >= HANDLE_COUNT_MAX) {
      throw new FsError("EMFILE", `${HANDLE_COUNT_MAX} files are open`);
    }
    const file = openPath(this.#session, path, flags, mode);
    const id = ++this.#lastHandle;
    this.#handles.set(id, file);
    return id;
  }
  close(id: HandleId): void {
    this.handle(id).close();
    this.#handles.delete(id);
  }
  handleStat(id: HandleId): FileAttributes {
    return attributesOf(this.#session, this.handle(id).inode());
  }
  handleRead(id: HandleId, range: ByteRange): Uint8Array {
    return this.#read(this.handle(id), range);
  }
  handleWrite(id: HandleId, offset: number, buffer: Uint8Array): number {
    return this.handle(id).write(this.#session, offset, buffer, buffer.length - WRITE_HEADROOM);
  }
  handleTruncate(id: HandleId, size: number): void {
    this.handle(id).truncate(this.#session, size);
  }
  handleChmod(id: HandleId, mode: number): void {
    chmodInode(this.#session, this.handle(id).contentInode().ino, mode);
  }
  handleChown(id: HandleId, owner: Owner): void {
    chownInode(this.#session, this.handle(id).contentInode().ino, owner);
  }
  handleUtimes(id: HandleId, times: TimeChanges): void {
    setTimes(this.#session, this.handle(id).contentInode().ino, times);
  }
  handleAllocate(id: HandleId, mode: number, range: ByteRange): void {
    this.handle(id).allocate(this.#session, mode, range);
  }
  handleSeek(id: HandleId, kind: "data" | "hole", offset: number): number {
    return this.handle(id).seek(this.#session, kind, offset);
  }
  handleCopy(source: HandleId, target: HandleId, range: CopyRange): number {
    return this.handle(source).copyTo(this.#session, this.handle(target), range);
  }
  handleLink(id: HandleId, path: string): void {
    this.handle(id).linkAs(this.#session, path);
  }
  handleEntries(id: HandleId, range: { after: number; limit: number }): DirectoryEntry[] {
    return readEntries(this.#session, this.handle(id), range);
  }

  #find(path: string, follow: boolean): Ino {
    return this.#session.walk().inode(path, follow).ino;
  }

  /** Allocates no more than there is to read. */
  #read(file: OpenFile, { offset, length }: ByteRange): Uint8Array {
    const rest = Math.max(0, file.contentInode().size - offset);
    const into = new Uint8Array(Math.min(length, rest));
    const count = file.read(this.#session, { offset, length: into.length }, into, 0);
    return count === into.length ? into : into.slice(0, count);
  }

  #withFile<T>(path: string, { flags, mode }: OpenHow, use: (file: OpenFile) => T): T {
    const file = openPath(this.#session, path, flags, mode);
    try {
      return use(file);
    } finally {
      file.close();
    }
  }
}
