/** Open files and directory streams of the driver over the engine. */
import type { Timestamp } from "../../../src/core/clock.ts";
import {
  attributesOf,
  chmodInode,
  chownInode,
  type FileAttributes,
  setTimes,
  type TimeChange as EngineTimeChange,
  type TimeChanges as EngineTimeChanges,
} from "../../../src/volume/library/attribute-calls.ts";
import { readEntries } from "../../../src/volume/library/directory-reader.ts";
import { type OpenFile, WRITE_HEADROOM } from "../../../src/volume/library/open-file.ts";
import { PosixSession } from "../../../src/volume/library/posix-session.ts";
import type { EngineCalls } from "./engine-directory.ts";
import type { Caller, Owner, PosixStat, TimeChange, TimeChanges } from "./posix-directory.ts";
import type { CopyRange, PosixDirectoryStream, PosixEntry, PosixFile } from "./posix-file.ts";

const NSEC_PER_SEC = 1_000_000_000n;
/** struct linux_dirent64: what stands before the name, with its NUL, and the alignment of records. */
const ENTRY_HEADER_SIZE = 20;
const ENTRY_ALIGNMENT = 8;
const ENTRY_SIZE_MIN = 24;

export interface EngineContext {
  readonly calls: EngineCalls;
  readonly session: PosixSession;
  readonly caller: Caller;
}

export class EngineFile implements PosixFile {
  readonly file: OpenFile;
  readonly #context: EngineContext;

  constructor(context: EngineContext, file: OpenFile) {
    this.#context = context;
    this.file = file;
  }

  /** Shares the open file: only one of the two is to be closed. */
  as(change: Partial<Caller>): PosixFile {
    const { calls } = this.#context;
    const caller = { ...this.#context.caller, ...change };
    return new EngineFile(
      { calls, caller, session: new PosixSession(calls.volume, caller) },
      this.file,
    );
  }

  read(offset: number | bigint, size: number): Uint8Array {
    return this.#run((session) => {
      const into = new Uint8Array(size);
      const count = this.file.read(session, { offset: Number(offset), length: size }, into, 0);
      return into.subarray(0, count);
    });
  }

  write(offset: number | bigint, bytes: Uint8Array): number {
    return this.#run((session) => {
      const buffer = new Uint8Array(WRITE_HEADROOM + bytes.length);
      buffer.set(bytes, WRITE_HEADROOM);
      return this.file.write(session, Number(offset), buffer, bytes.length);
    });
  }

  truncate(size: number | bigint): void {
    this.#run((session) => this.file.truncate(session, Number(size)));
  }

  allocate(mode: number, offset: number | bigint, length: number | bigint): void {
    const range = { offset: Number(offset), length: Number(length) };
    this.#run((session) => this.file.allocate(session, mode, range));
  }

  seek(kind: "data" | "hole", offset: number | bigint): number {
    return this.#run((session) => this.file.seek(session, kind, Number(offset)));
  }

  copyTo(target: PosixFile, { from, to, length }: CopyRange): number {
    if (!(target instanceof EngineFile)) throw new TypeError("the target is of another driver");
    const range = { sourceOffset: from, targetOffset: to, length };
    return this.#run((session) => this.file.copyTo(session, target.file, range));
  }

  sync(): void {
    this.#run((session) => {
      this.file.contentInode();
      session.volume.flush();
    });
  }

  stat(): PosixStat {
    return this.#run((session) => statOf(attributesOf(session, this.file.inode())));
  }

  chmod(mode: number): void {
    this.#run((session) => chmodInode(session, this.file.contentInode().ino, mode));
  }

  chown(owner: Owner): void {
    this.#run((session) => chownInode(session, this.file.contentInode().ino, owner));
  }

  utimens(times: TimeChanges): void {
    this.#run((session) => setTimes(session, this.file.contentInode().ino, timesOf(times)));
  }

  linkAs(path: string): void {
    this.#run((session) => this.file.linkAs(session, path));
  }

  close(): void {
    this.#run(() => this.file.close());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #run<T>(call: (session: PosixSession) => T): T {
    return this.#context.calls.run(() => call(this.#context.session));
  }
}

export class EngineDirectoryStream implements PosixDirectoryStream {
  readonly #context: EngineContext;
  readonly #file: OpenFile;
  #position = 0;

  constructor(context: EngineContext, file: OpenFile) {
    this.#context = context;
    this.#file = file;
  }

  read(bufferSize: number): PosixEntry[] {
    const { calls, session } = this.#context;
    const limit = Math.ceil(bufferSize / ENTRY_SIZE_MIN);
    const range = { after: this.#position, limit };
    const entries: PosixEntry[] = [];
    let left = bufferSize;
    for (const { name, ino, type, cookie } of calls.run(() =>
      readEntries(session, this.#file, range),
    )) {
      left -= Math.ceil((ENTRY_HEADER_SIZE + name.length) / ENTRY_ALIGNMENT) * ENTRY_ALIGNMENT;
      if (left < 0) break;
      entries.push({ name, ino, type, cookie: BigInt(cookie) });
      this.#position = cookie;
    }
    return entries;
  }

  seek(cookie: bigint): void {
    this.#position = Number(cookie);
  }

  sync(): void {
    this.#context.calls.run(() => this.#context.session.volume.flush());
  }

  close(): void {
    this.#context.calls.run(() => this.#file.close());
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

export function statOf(attributes: FileAttributes): PosixStat {
  const { atime, mtime, ctime, birthtime, ...rest } = attributes;
  return {
    ...rest,
    atimeNs: toNs(atime),
    mtimeNs: toNs(mtime),
    ctimeNs: toNs(ctime),
    birthtimeNs: toNs(birthtime),
  };
}

export function timesOf({ atime, mtime }: TimeChanges): EngineTimeChanges {
  return { atime: timeOf(atime), mtime: timeOf(mtime) };
}

function timeOf(time: TimeChange): EngineTimeChange {
  if (time === "now") return "now";
  if (time === "omit") return undefined;
  const nsec = ((time % NSEC_PER_SEC) + NSEC_PER_SEC) % NSEC_PER_SEC;
  return { sec: Number((time - nsec) / NSEC_PER_SEC), nsec: Number(nsec) };
}

function toNs({ sec, nsec }: Timestamp): bigint {
  return BigInt(sec) * NSEC_PER_SEC + BigInt(nsec);
}
