/**
 * Which generation of LTX a file is. Nothing in it says so: every one begins with "LTX1".
 *
 *   v1   libraries up to 0.3.18 (LiteFS): pages raw, or in one LZ4 frame as header flag 1 says; no page index
 *   v2   library 0.4.0: an LZ4 frame a page behind a page header of 4 bytes; page index
 *   v3   libraries 0.5.0 on (Litestream 0.5): a page header of 6 bytes; its flag 1 says whether the page is an LZ4 block
 *        (0.5.2 on; Litestream 0.5.16 on) or an LZ4 frame (up to then)
 *
 * The first bytes behind the header tell them apart; the file checksum then confirms it. Only a v1 page that begins like
 * a page header of another generation can be taken for one, and then fails its checks: say the generation in that case.
 */
import { CorruptError } from "../core/fs-error.ts";
import { blockSizeMax } from "./lz4-block.ts";
import { LZ4_FRAME_MAGIC } from "./lz4-frame.ts";
import { LTX_HEADER_SIZE, LtxFlag } from "./header.ts";

export type LtxGeneration = "v1" | "v2" | "v3";
/** How the pages of a v3 file are written: `frame` is read by every Litestream 0.5, `block` from 0.5.16 on. */
export type PageEncoding = "frame" | "block";

/** So many bytes are needed to tell; no whole LTX file is shorter. */
export const SNIFF_SIZE: number = LTX_HEADER_SIZE + 20;

/** `view` holds the first SNIFF_SIZE bytes at least. */
export function sniffGeneration(view: DataView): LtxGeneration {
  if (view.byteLength < SNIFF_SIZE) throw new CorruptError("the file is cut short");
  const at = LTX_HEADER_SIZE;
  const flags = view.getUint32(4);
  if (flags === LtxFlag.compressed) return "v1";
  if (view.getUint32(at) === 0) return sniffEmpty(view, at);
  if (view.getUint32(at + 4, true) === LZ4_FRAME_MAGIC) return "v2";
  const pageFlags = view.getUint16(at + 4);
  if (pageFlags === 0 && view.getUint32(at + 6, true) === LZ4_FRAME_MAGIC) return "v3";
  if (pageFlags === 1 && view.getUint32(at + 6) <= blockSizeMax(view.getUint32(8))) return "v3";
  // NoChecksum does not exist in v1: the pages of this v2 or v3 file are damaged or unknown.
  return flags === LtxFlag.noChecksum ? "v3" : "v1";
}

/** Without pages: v1 goes on with a checksum (top bit set), v2 and v3 with 00 and the index's size, 1, as a u64. */
function sniffEmpty(view: DataView, at: number): LtxGeneration {
  if (view.getUint8(at + 4) >= 0x80) return "v1";
  return view.getUint8(at + 12) === 1 ? "v2" : "v3";
}
