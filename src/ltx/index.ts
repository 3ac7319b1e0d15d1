/**
 * LTX files for other projects: read every generation, write what LiteFS's successors and Litestream read.
 * `shoal/ltx` in the published package; docs/library.md shows how, docs/format/ltx.md has the bytes.
 */
export { CorruptError, type ErrorCode, FsError } from "../core/fs-error.ts";
export {
  CHECKSUM_FLAG,
  EMPTY_DATABASE_CHECKSUM,
  formatChecksum,
  PageChecksum,
  togglePage,
} from "./checksum.ts";
export { combineCrc64, Crc64 } from "./crc64.ts";
export { LtxDecoder, type LtxDecoderOptions, type LtxPage } from "./decoder.ts";
export { LtxEncoder, type LtxEncoderOptions } from "./encoder.ts";
export { type LtxGeneration, type PageEncoding, SNIFF_SIZE, sniffGeneration } from "./encoding.ts";
export { formatLtxFileName, parseLtxFileName, type TxidRange } from "./file-name.ts";
export {
  decodeLtxHeader,
  decodeLtxTrailer,
  encodeLtxHeader,
  isSnapshot,
  lockPage,
  LTX_HEADER_SIZE,
  LTX_TRAILER_SIZE,
  LtxFlag,
  type LtxHeader,
  type LtxTrailer,
  tracksChecksum,
} from "./header.ts";
export { PageIndex, type PageIndexEntry } from "./page-index.ts";
export { checkTxid, formatTxid, parseTxid } from "./txid.ts";
