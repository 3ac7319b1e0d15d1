/**
 * What a request sends, with the checksums that go along: SHA-256 for the signature (never UNSIGNED-PAYLOAD: a cut
 * connection would leave a short object on some servers), CRC-32 for the store to keep.
 *
 * A file is read twice, in pieces, so that an object of any size costs little memory. One that changed in between has
 * another SHA-256 than was signed, and the store refuses it.
 */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { crc32 } from "../../core/crc.ts";
import { toHex } from "../../core/hex.ts";
import type { LocalFile } from "../local-file.ts";

/** Hashed or sent at a time: half a millisecond of hashing, between which others run. */
const PIECE_SIZE: number = 1024 * 1024;

export interface ObjectBody {
  /** In bytes. */
  readonly size: number;
  /** 64 hex digits. */
  readonly sha256: string;
  /** Base64 of the four bytes, most significant first, as x-amz-checksum-crc32 has it. */
  readonly crc32: string;
  /** The bytes in order; can be asked for again. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** Shares `bytes`, which must stay as they are until the request is over. */
export function bodyOfBytes(bytes: Uint8Array): Promise<ObjectBody> {
  return hashed(bytes.length, async function* pieces() {
    for (let at = 0; at < bytes.length; at += PIECE_SIZE) {
      if (at > 0) await setImmediate();
      yield bytes.subarray(at, at + PIECE_SIZE);
    }
  });
}

/** `file` stays open until the request is over. Throws CorruptError when it becomes shorter. */
export function bodyOfFile(file: LocalFile): Promise<ObjectBody> {
  return hashed(file.size, async function* pieces() {
    for (let at = 0; at < file.size; at += PIECE_SIZE) {
      yield await file.read(at, Math.min(PIECE_SIZE, file.size - at));
    }
  });
}

export function crc32Base64(bytes: Uint8Array): string {
  return crcText(crc32(bytes));
}

async function hashed(size: number, chunks: () => AsyncIterable<Uint8Array>): Promise<ObjectBody> {
  const sha256 = createHash("sha256");
  let crc = 0;
  for await (const chunk of chunks()) {
    sha256.update(chunk);
    crc = crc32(chunk, crc);
  }
  return { size, sha256: toHex(sha256.digest()), crc32: crcText(crc), chunks };
}

function crcText(crc: number): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, crc);
  return Buffer.from(bytes).toString("base64");
}
