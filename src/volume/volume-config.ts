/**
 * volume.json: what a volume is, for ever or until it is changed by compare-and-swap (invariant 6).
 *
 * JSON, UTF-8. An unknown `format` or an unknown field of `features` is refused: a later program wrote it.
 */
import { CorruptError, FsError } from "../core/fs-error.ts";
import type { Compression } from "../pack/codec.ts";

export const VOLUME_KEY = "volume.json";
const FORMAT = 1;

export interface VolumeConfig {
  readonly format: number;
  /** 32 hex digits. */
  readonly uuid: string;
  /** 32 hex digits: the one line of history until branches exist; packs are named by it. */
  readonly timeline: string;
  readonly createdMs: number;
  readonly compression: Compression;
  /** POSIX ACLs are on. */
  readonly acl: boolean;
}

export function encodeVolumeConfig(config: VolumeConfig): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(config, undefined, 2)}\n`);
}

/** `where` names the object in messages. Throws CorruptError for damage, EPROTO for a newer format. */
export function decodeVolumeConfig(bytes: Uint8Array, where: string): VolumeConfig {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new CorruptError(`${where} is damaged: it is not JSON`, { cause: error });
  }
  if (typeof value !== "object" || value === null) {
    throw new CorruptError(`${where} is damaged: it is not an object`);
  }
  const row = value as Record<string, unknown>;
  if (typeof row["format"] !== "number") {
    throw new CorruptError(`${where} is not a Shoal volume: it has no format`);
  }
  if (row["format"] !== FORMAT) {
    throw new FsError(
      "EPROTO",
      `${where} has format ${row["format"]}; this program reads format ${FORMAT}: use a newer shoal`,
    );
  }
  return checkFields(row, where);
}

function checkFields(row: Record<string, unknown>, where: string): VolumeConfig {
  const { uuid, timeline, createdMs, compression, acl } = row;
  if (!isHex(uuid)) throw damaged(where, "uuid");
  if (!isHex(timeline)) throw damaged(where, "timeline");
  if (typeof createdMs !== "number") throw damaged(where, "createdMs");
  if (!isCompression(compression)) throw damaged(where, "compression");
  if (typeof acl !== "boolean") throw damaged(where, "acl");
  return { format: FORMAT, uuid, timeline, createdMs, compression, acl };
}

/** What `--compression` and volume.json may say. */
export const COMPRESSIONS: readonly Compression[] = ["none", "lz4", "zstd", "adaptive"];

export function isCompression(value: unknown): value is Compression {
  return (COMPRESSIONS as readonly unknown[]).includes(value);
}

function damaged(where: string, field: string): CorruptError {
  return new CorruptError(`${where} is damaged: its ${field} is missing or not what it must be`);
}

export function newVolumeConfig(options: {
  readonly uuid: string;
  readonly timeline: string;
  readonly createdMs: number;
  readonly compression: Compression;
  readonly acl: boolean;
}): VolumeConfig {
  return { format: FORMAT, ...options };
}

function isHex(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{32}$/.test(text);
}
