/**
 * What the threads of an opened volume say to each other, and the calls the engine answers. Plain objects: they are
 * posted. Paths and names are latin1 strings, one character a byte.
 */
import type { MessagePort } from "node:worker_threads";
import type { JournalLimits } from "../../journal/journal.ts";
import type { EngineInput, EngineOutput } from "../engine-message.ts";
import type { FileAttributes, Owner, TimeChanges, VolumeUsage } from "./attribute-calls.ts";
import type { DirectoryEntry } from "./directory-reader.ts";
import type { Device } from "./name-calls.ts";
import type { CopyRange } from "./open-file.ts";
import type { Credentials } from "./posix-session.ts";

export interface EngineThreadStart {
  /** The volume's directory: the root of its `file` store. */
  readonly root: string;
  readonly uuid: string;
  readonly timeline: string;
  readonly acl: boolean;
  readonly level: "memory" | "disk";
  readonly readOnly: boolean;
  readonly stateDirectory: string;
  readonly credentials: Credentials;
  /** undefined: the program's own. */
  readonly journalLimits: Partial<JournalLimits> | undefined;
  readonly doorbell: SharedArrayBuffer;
  readonly flushPort: MessagePort;
  /** Calls come here, apart from what else the engine is told: they wait while the journal is full. */
  readonly callPort: MessagePort;
}

export interface FlushThreadStart {
  readonly port: MessagePort;
  readonly doorbell: SharedArrayBuffer;
}

/** Main to engine, beside calls. */
export type ToEngine =
  | { readonly kind: "input"; readonly input: EngineInput }
  /** Ends the engine. With `stores` everything is stored first, otherwise the journal keeps it. May be said twice. */
  | { readonly kind: "close"; readonly stores: boolean };

/** Main to engine, through the port for calls. */
export interface EngineCall {
  readonly id: number;
  readonly method: EngineMethod;
  readonly args: readonly unknown[];
}

/** Engine to main. */
export type FromEngine =
  | {
      readonly kind: "opened";
      readonly journalDir: string;
      readonly journalUuid: string;
      /** Packs that are still to be stored: what else is staged may go. */
      readonly pendingPacks: readonly number[];
    }
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  | { readonly kind: "output"; readonly output: EngineOutput }
  | { readonly kind: "answers"; readonly answers: readonly EngineAnswer[] }
  | { readonly kind: "closed" };

export type EngineAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly code: string; readonly message: string };

/** Number of an open file, as the engine knows it. */
export type HandleId = number;

export interface Follow {
  /** Whether a symbolic link as the last component is followed. */
  readonly follow: boolean;
}

export interface OpenHow {
  /** `OpenFlag` bits. */
  readonly flags: number;
  /** For a file that is made. */
  readonly mode: number;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface XattrValue {
  readonly name: string;
  readonly value: Uint8Array;
  /** `XattrFlag` bits. */
  readonly flags: number;
}

/** Calls that are answered at once. A refusal is an FsError. */
export interface EngineMethods {
  stat(path: string, how: Follow): FileAttributes;
  access(path: string, wanted: number): void;
  readlink(path: string): string;
  mkdir(path: string, mode: number): void;
  mknod(path: string, mode: number, device: Device): void;
  rmdir(path: string): void;
  unlink(path: string): void;
  /** `flags` are `RenameFlag` bits. */
  rename(from: string, to: string, flags: number): void;
  link(from: string, to: string, how: Follow): void;
  symlink(target: string, path: string): void;
  chmod(path: string, mode: number): void;
  chown(path: string, owner: Owner, how: Follow): void;
  utimes(path: string, times: TimeChanges, how: Follow): void;
  truncate(path: string, size: number): void;
  statfs(): VolumeUsage;
  getxattr(path: string, name: string, how: Follow): Uint8Array;
  setxattr(path: string, attribute: XattrValue, how: Follow): void;
  listxattr(path: string, how: Follow): string[];
  removexattr(path: string, name: string, how: Follow): void;
  /** The whole file; undefined when it is longer than `sizeMax`. */
  readFile(path: string, flags: number, sizeMax: number): Uint8Array | undefined;
  /** Opens, writes what lies behind WRITE_HEADROOM, closes. Returns how many bytes were written. */
  writeFile(path: string, how: OpenHow, buffer: Uint8Array): number;
  /** All entries; undefined when there are more than `limit`. */
  readdir(path: string, limit: number): DirectoryEntry[] | undefined;
  open(path: string, how: OpenHow): HandleId;
  close(handle: HandleId): void;
  handleStat(handle: HandleId): FileAttributes;
  handleRead(handle: HandleId, range: ByteRange): Uint8Array;
  /** The data lie behind WRITE_HEADROOM bytes. */
  handleWrite(handle: HandleId, offset: number, buffer: Uint8Array): number;
  handleTruncate(handle: HandleId, size: number): void;
  handleChmod(handle: HandleId, mode: number): void;
  handleChown(handle: HandleId, owner: Owner): void;
  handleUtimes(handle: HandleId, times: TimeChanges): void;
  handleAllocate(handle: HandleId, mode: number, range: ByteRange): void;
  handleSeek(handle: HandleId, kind: "data" | "hole", offset: number): number;
  handleCopy(source: HandleId, target: HandleId, range: CopyRange): number;
  handleLink(handle: HandleId, path: string): void;
  handleEntries(handle: HandleId, range: { after: number; limit: number }): DirectoryEntry[];
}

/** Calls that are answered when something has been done: a flush, or all packs stored. */
export interface DeferredMethods {
  handleSync(handle: HandleId): void;
  store(): void;
}

export type EngineMethodTable = EngineMethods & DeferredMethods;
export type EngineMethod = keyof EngineMethodTable;
