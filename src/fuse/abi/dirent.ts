/**
 * Entries of a directory as READDIR and READDIRPLUS return them, packed one after the other.
 * Source: linux/fuse.h of protocol 7.45. Offsets in bytes; every record is padded with zeros to 8 bytes.
 *
 * fuse_dirent (24)
 *   0 u64 ino   8 u64 off   16 u32 namelen   20 u32 type   24 name, without an ending zero
 *
 * fuse_direntplus (152)
 *   0 fuse_entry_out   128 fuse_dirent
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setU64Le } from "../../core/u64.ts";
import {
  decodeEntryOut,
  encodeEntryOut,
  ENTRY_OUT_SIZE,
  newEntryOut,
  type EntryOut,
} from "./attr.ts";
import { writeName } from "./name.ts";

/** Length of a fuse_dirent without its name. */
export const DIRENT_NAME_OFFSET = 24;
/** Length of a fuse_direntplus without its name. */
export const DIRENTPLUS_NAME_OFFSET: number = ENTRY_OUT_SIZE + DIRENT_NAME_OFFSET;

export interface Dirent {
  ino: number;
  /** The cookie after which the next READDIR goes on. */
  cookie: number;
  /** File type as in d_type: mode >> 12. */
  type: number;
  /** latin1, one character a byte. */
  name: string;
}

export interface Direntplus {
  readonly entry: EntryOut;
  readonly dirent: Dirent;
}

/** Length of the packed record, padding included. */
export function direntSize(nameSize: number): number {
  return (DIRENT_NAME_OFFSET + nameSize + 7) & ~7;
}

export function direntplusSize(nameSize: number): number {
  return (DIRENTPLUS_NAME_OFFSET + nameSize + 7) & ~7;
}

/** Writes a record at `at` and returns where the next one goes. `bytes` and `view` cover the same memory; the caller has made sure of `direntSize` bytes. */
export function encodeDirent(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  from: Readonly<Dirent>,
): number {
  const nameSize = from.name.length;
  setU64Le(view, at, from.ino);
  setU64Le(view, at + 8, from.cookie);
  view.setUint32(at + 16, nameSize, true);
  view.setUint32(at + 20, from.type, true);
  writeName(bytes, at + DIRENT_NAME_OFFSET, from.name);
  const end = at + direntSize(nameSize);
  for (let i = at + DIRENT_NAME_OFFSET + nameSize; i < end; i++) bytes[i] = 0;
  return end;
}

/** As `encodeDirent`, with `direntplusSize` bytes. An entry with nodeid 0 gives the name alone and no reference. */
export function encodeDirentplus(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  from: Readonly<Direntplus>,
): number {
  encodeEntryOut(view, at, from.entry);
  return encodeDirent(bytes, view, at + ENTRY_OUT_SIZE, from.dirent);
}

/** Fills `into` and returns where the next record begins. Throws EIO when the bytes are cut short. */
export function decodeDirent(view: DataView, at: number, into: Dirent): number {
  const left = view.byteLength - at;
  if (left < DIRENT_NAME_OFFSET) throw new FsError("EIO", "fuse_dirent is cut short");
  const nameSize = view.getUint32(at + 16, true);
  if (left < DIRENT_NAME_OFFSET + nameSize)
    throw new FsError("EIO", `fuse_dirent is cut short within a name of ${nameSize} bytes`);
  into.ino = getSaturatedU64Le(view, at);
  into.cookie = getSaturatedU64Le(view, at + 8);
  into.type = view.getUint32(at + 20, true);
  into.name = Buffer.from(
    view.buffer,
    view.byteOffset + at + DIRENT_NAME_OFFSET,
    nameSize,
  ).toString("latin1");
  return at + direntSize(nameSize);
}

export function decodeDirentplus(view: DataView, at: number, into: Direntplus): number {
  decodeEntryOut(view, at, into.entry);
  return decodeDirent(view, at + ENTRY_OUT_SIZE, into.dirent);
}

export function newDirent(): Dirent {
  return { ino: 0, cookie: 0, type: 0, name: "" };
}

export function newDirentplus(): Direntplus {
  return { entry: newEntryOut(), dirent: newDirent() };
}
