/**
 * Paths and names as a program gives them, and as the engine has them: latin1 strings, one character a byte. Text is
 * UTF-8 there; bytes that are none come out as U+FFFD, and as they are when bytes are asked for.
 */
import { FsError } from "../../core/fs-error.ts";

/** A path as text, which is stored as UTF-8, or as bytes. Relative ones begin at the volume's root, as absolute ones do. */
export type PathLike = string | Uint8Array;

/** Throws EINVAL for what is neither text nor bytes. */
export function toBytes(text: PathLike): string {
  if (typeof text === "string") return Buffer.from(text, "utf8").toString("latin1");
  if (!(text instanceof Uint8Array)) throw new FsError("EINVAL", "a path is text or bytes");
  return Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString("latin1");
}

export function toText(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

export function toBuffer(bytes: string): Buffer {
  return Buffer.from(bytes, "latin1");
}

/** For messages. */
export function quote(text: PathLike): string {
  return JSON.stringify(toText(toBytes(text)));
}
