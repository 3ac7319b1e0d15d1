/**
 * How the bytes of one frame are made smaller.
 *
 * A frame is stored raw when compression gains less than a sixteenth: it then costs a reader nothing but the CRC. Each
 * frame stands alone (no dictionary, no history). The order of stages is compress, then (later) seal; a sealed frame is
 * bound to volume, timeline, pack and frame number by its associated data, all of which builder and reader know.
 *
 * lz4 frames are LZ4 blocks as the LZ4 block format has them; the length that lz4-napi puts in front (4 bytes, little
 * endian) is cut off and put back here, since the index knows it. zstd frames are one zstd frame each.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { compressSync, uncompressSync } from "lz4-napi";
import { CorruptError } from "../core/fs-error.ts";

/** Numbers on disk. */
export const Codec = { none: 0, lz4: 1, zstd: 2 } as const;
export type Codec = (typeof Codec)[keyof typeof Codec];

/** Free bytes a caller of `decompressFrame` leaves in front of the stored bytes. */
export const FRAME_HEADROOM = 4;
/** Of the plain length; a compressed frame that saves less is stored raw. */
const GAIN_MIN = 1 / 16;
/** More than this is slower than the disks and networks behind it without being much smaller (bench/pack.bench.ts). */
const ZSTD_OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1 } } as const;
/** Room behind a frame's plain bytes, so that zlib sees the end of the stream without a second buffer. */
const ZSTD_SLACK = 64;

/** What a volume is set to. `adaptive` takes lz4 for small blocks, where zstd's cost for each call rules, and zstd above. */
export type Compression = "none" | "lz4" | "zstd" | "adaptive";
/** Measured (bench/pack.bench.ts): at 4 KiB lz4 decodes 8 times as fast as zstd, at 128 KiB twice, for a third more bytes. */
const ADAPTIVE_LZ4_SIZE_MAX: number = 32 * 1024;

/** The codec of a block of `plainLength` bytes. */
export function chooseCodec(compression: Compression, plainLength: number): Codec {
  if (compression === "adaptive")
    return plainLength <= ADAPTIVE_LZ4_SIZE_MAX ? Codec.lz4 : Codec.zstd;
  return Codec[compression];
}

/** Whether `value` is a codec of this version. */
export function isCodec(value: number): value is Codec {
  return value === Codec.none || value === Codec.lz4 || value === Codec.zstd;
}

/** The stored bytes of a frame, owned by the caller; undefined when it is to be stored raw. */
export function compressFrame(codec: Codec, plain: Buffer): Buffer | undefined {
  let stored: Buffer;
  if (codec === Codec.lz4) stored = compressSync(plain).subarray(FRAME_HEADROOM);
  else if (codec === Codec.zstd) stored = zstdCompressSync(plain, ZSTD_OPTIONS);
  else return undefined;
  return stored.length <= plain.length * (1 - GAIN_MIN) ? stored : undefined;
}

/**
 * The plain bytes of a compressed frame, owned by the caller and exactly `plainLength` long. `buffer` holds FRAME_HEADROOM
 * bytes that are overwritten and then `storedLength` stored ones, at its start. CorruptError when they do not decode.
 */
export function decompressFrame(
  codec: Codec,
  buffer: Buffer,
  storedLength: number,
  plainLength: number,
): Buffer {
  let plain: Buffer;
  try {
    if (codec === Codec.lz4) {
      buffer.writeUInt32LE(plainLength, 0);
      plain = uncompressSync(buffer.subarray(0, FRAME_HEADROOM + storedLength));
    } else if (codec === Codec.zstd) {
      plain = zstdDecompressSync(buffer.subarray(FRAME_HEADROOM, FRAME_HEADROOM + storedLength), {
        chunkSize: plainLength + ZSTD_SLACK,
        maxOutputLength: plainLength,
      });
    } else {
      plain = buffer.subarray(0, 0);
    }
  } catch (cause) {
    throw new CorruptError(`${storedLength} stored bytes do not decode`, { cause });
  }
  if (plain.length !== plainLength) {
    throw new CorruptError(`a frame decodes to ${plain.length} bytes instead of ${plainLength}`);
  }
  return plain;
}
