/** A tag made of what an object holds: equal tags mean equal content, whoever wrote it and when. */
import { hash } from "node:crypto";

/** Hex digits of SHA-256 that are kept: 128 bits, so that no two contents ever met share a tag. */
const TAG_DIGIT_COUNT = 32;

export function contentTag(body: Uint8Array): string {
  return hash("sha256", body, "hex").slice(0, TAG_DIGIT_COUNT);
}
