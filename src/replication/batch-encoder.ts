/**
 * What a cut committed, as an LTX file: the last version of each page that changed, and page 1 always, so that a seal can
 * be made from a timeline's last batch alone (C6). The first batch of all is a snapshot, with every page.
 *
 * Memory is one page and the file's page index. Checksums of the database are not tracked: Litestream's own replicas do
 * not, and its compactor refuses a mixture (specs of the LTX format: NoChecksum).
 */
import { CorruptError } from "../core/fs-error.ts";
import { LtxEncoder, type LtxEncoderOptions } from "../ltx/encoder.ts";
import { lockPage, LtxFlag, type LtxHeader } from "../ltx/header.ts";
import { readWalPage, type WalChange, type WalSource } from "./wal-reader.ts";

/** The database file below its log: pages that the log does not hold. */
export interface DatabaseSource {
  readonly name: string;
  /** As WalSource. */
  read(into: Uint8Array, offset: number): number;
}

export interface BatchOptions extends LtxEncoderOptions {
  readonly txid: number;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
}

export interface BatchInput {
  readonly wal: WalSource;
  readonly change: WalChange;
  readonly database: DatabaseSource;
  /** All that the log holds up to the same position: where unchanged pages are, if not in the database file. */
  readonly whole: WalChange;
}

/** The bytes of the file, piece by piece, each owned by whoever takes it. */
export function* encodeBatch(input: BatchInput, options: BatchOptions): Generator<Uint8Array> {
  const { change } = input;
  const isSnapshot = options.txid === 1;
  const encoder = new LtxEncoder(headerOf(change, options), options);
  yield encoder.begin();
  const page = new Uint8Array(change.pageSize);
  const pgnos = isSnapshot ? allPages(change) : changedPages(change);
  for (const pgno of pgnos) {
    readPage(input, pgno, page);
    yield encoder.page(pgno, page);
  }
  yield* encoder.finish();
}

function headerOf(change: WalChange, { txid, timestampMs }: BatchOptions): LtxHeader {
  const { pageSize, commit, walOffset, walSize, position } = change;
  return {
    flags: LtxFlag.noChecksum,
    pageSize,
    commit,
    minTxid: txid,
    maxTxid: txid,
    timestampMs,
    preApplyChecksum: 0n,
    walOffset,
    walSize,
    walSalt1: position.salt1,
    walSalt2: position.salt2,
    nodeId: 0n,
  };
}

function* allPages({ commit, pageSize }: WalChange): Generator<number> {
  const lock = lockPage(pageSize);
  for (let pgno = 1; pgno <= commit; pgno++) if (pgno !== lock) yield pgno;
}

function* changedPages({ pages }: WalChange): Generator<number> {
  if (!pages.has(1)) yield 1;
  yield* pages.keys();
}

function readPage({ wal, whole, database }: BatchInput, pgno: number, into: Uint8Array): void {
  const inLog = whole.pages.get(pgno);
  if (inLog !== undefined) {
    readWalPage(wal, inLog, into);
    return;
  }
  const count = database.read(into, (pgno - 1) * into.length);
  if (count !== into.length)
    throw new CorruptError(
      `${database.name} ends before page ${pgno}, which its log does not hold`,
    );
}
