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
export { compactLtx, type CompactOptions, type LtxInput } from "./compact.ts";
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
export { localLtxSource, readWhole } from "./local-source.ts";
export { PageIndex, type PageIndexEntry } from "./page-index.ts";
export { type LtxEnds, RangedLtxFile, type RangedSource, readLtxEnds } from "./ranged-file.ts";
export {
  LEVEL_COUNT,
  type LeveledRange,
  levelPrefix,
  ltxKey,
  parseLtxKey,
  type ReplicaLayout,
  SNAPSHOT_LEVEL,
} from "./replica-layout.ts";
export {
  restoreChain,
  type RestoredDatabase,
  type RestoreOptions,
  verifyLtxFile,
  type VerifyOptions,
} from "./restore/restore-chain.ts";
export { planRestore, type ReplicaFile, type RestoreTarget } from "./restore/restore-plan.ts";
export { checkTxid, formatTxid, parseTxid } from "./txid.ts";
