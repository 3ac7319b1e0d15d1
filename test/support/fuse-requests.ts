/** Requests as the kernel would send them, for tests. */
import { encodeInHeader, IN_HEADER_SIZE } from "../../src/fuse/abi/header.ts";

export interface RequestParts {
  readonly opcode: number;
  readonly unique?: number;
  /** Sets bit 63 of the unique number. */
  readonly resent?: boolean;
  readonly nodeid?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly pid?: number;
  /** What follows the header, one after the other; strings are latin1 and get an ending zero byte. */
  readonly parts?: readonly (Uint8Array | string)[];
}

export function makeRequest(parts: RequestParts): Uint8Array {
  const body = (parts.parts ?? []).map((part) =>
    typeof part === "string" ? Buffer.from(`${part}\0`, "latin1") : part,
  );
  const size = IN_HEADER_SIZE + body.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(size);
  const unique = parts.unique ?? 2;
  encodeInHeader(new DataView(bytes.buffer), 0, {
    size,
    opcode: parts.opcode,
    uniqueLow: unique % 0x1_0000_0000,
    uniqueHigh: Math.floor(unique / 0x1_0000_0000) + (parts.resent === true ? 0x8000_0000 : 0),
    nodeid: parts.nodeid ?? 1,
    uid: parts.uid ?? 1000,
    gid: parts.gid ?? 1000,
    pid: parts.pid ?? 4711,
    extensionWords: 0,
  });
  let at = IN_HEADER_SIZE;
  for (const part of body) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The bytes of one structure, for `parts`. */
export function encoded<T>(
  size: number,
  encode: (view: DataView, at: number, from: T) => void,
  value: T,
): Uint8Array {
  const bytes = new Uint8Array(size);
  encode(new DataView(bytes.buffer), 0, value);
  return bytes;
}
