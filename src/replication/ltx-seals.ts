/**
 * Seals as LTX files (C6): page 1 as it is, page size and commit of the batch before, and a constant node id by which they
 * are known. The real tools read one as a batch that changes nothing: they refuse unknown flags, but take any node id.
 */
import { CorruptError } from "../core/fs-error.ts";
import { LtxEncoder } from "../ltx/encoder.ts";
import { decodeLtxHeader, LTX_HEADER_SIZE, LtxFlag } from "../ltx/header.ts";
import { RangedLtxFile } from "../ltx/ranged-file.ts";
import type { ObjectStore } from "../object/object-store.ts";
import type { Instant } from "../timeline/instant.ts";
import { batchKey, type ReplicaLayout } from "../timeline/object-keys.ts";
import type { SealFormat } from "../timeline/timeline-context.ts";

/** "shoalend" in ASCII; Litestream writes 0. */
const SEAL_NODE_ID = 0x7368_6f61_6c65_6e64n;
/** Of the database that a volume has before anything was ever shipped: one page, empty. */
const EMPTY_PAGE_SIZE = 4096;

export interface LtxSealOptions {
  readonly store: ObjectStore;
  readonly layout: ReplicaLayout;
  readonly signal?: AbortSignal;
}

export function ltxSeals(options: LtxSealOptions): SealFormat {
  return {
    headerSize: LTX_HEADER_SIZE,
    isSeal: (bytes, where) => readNodeId(bytes, where) === SEAL_NODE_ID,
    make: async (at, last) => encodeSeal(at, last && (await readBatch(options, last))),
  };
}

interface LastBatch {
  readonly commit: number;
  readonly timestampMs: number;
  readonly firstPage: Uint8Array;
}

function readNodeId(bytes: Uint8Array, where: string): bigint {
  if (bytes.length < LTX_HEADER_SIZE)
    throw new CorruptError(`${where} has ${bytes.length} bytes and no whole header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return decodeLtxHeader(view, 0, "v3").nodeId;
  } catch (error) {
    throw new CorruptError(`${where} is damaged: ${(error as Error).message}`, { cause: error });
  }
}

async function readBatch(
  { store, layout, signal }: LtxSealOptions,
  at: Instant,
): Promise<LastBatch> {
  const key = batchKey(layout, at.timeline, at.txid);
  const call = signal === undefined ? {} : { signal };
  const name = `${store.url}/${key}`;
  const info = await store.head(key, call);
  if (info === undefined)
    throw new CorruptError(`${name} is missing: the last batch of a timeline is always kept`);
  const file = await RangedLtxFile.open({
    name,
    size: info.size,
    async read(offset, length) {
      const bytes = await store.getRange(key, { ...call, offset, length });
      if (bytes?.length === length) return bytes;
      throw new CorruptError(`${name} is shorter than the store said`);
    },
  });
  const firstPage = await file.readPage(1);
  if (firstPage === undefined) throw new CorruptError(`${name} has no page 1, as each batch must`);
  const { commit, timestampMs } = file.header;
  return { commit, timestampMs, firstPage };
}

/** Its time is the batch's: the seal changes nothing, and two takers who make the same one write the same bytes. */
function encodeSeal(at: Instant, last: LastBatch | undefined): Uint8Array {
  const { commit, timestampMs, firstPage } = last ?? emptyDatabase();
  const encoder = new LtxEncoder({
    flags: LtxFlag.noChecksum,
    pageSize: firstPage.length,
    commit,
    minTxid: at.txid,
    maxTxid: at.txid,
    timestampMs,
    preApplyChecksum: 0n,
    walOffset: 0,
    walSize: 0,
    walSalt1: 0,
    walSalt2: 0,
    nodeId: SEAL_NODE_ID,
  });
  return Buffer.concat([encoder.begin(), encoder.page(1, firstPage), ...encoder.finish()]);
}

/** The one page of a database without a table. Source: https://www.sqlite.org/fileformat2.html section 1.3. */
function emptyDatabase(): LastBatch {
  const firstPage = new Uint8Array(EMPTY_PAGE_SIZE);
  const view = new DataView(firstPage.buffer);
  firstPage.set(new TextEncoder().encode("SQLite format 3\0"));
  view.setUint16(16, EMPTY_PAGE_SIZE);
  // Write-ahead log, no reserved bytes, the payload fractions that are the only ones allowed.
  firstPage.set([2, 2, 0, 64, 32, 32], 18);
  view.setUint32(28, 1);
  // Schema format 4, text in UTF-8.
  view.setUint32(44, 4);
  view.setUint32(56, 1);
  // An empty leaf of a table: its cells begin at the end of the page.
  firstPage[100] = 13;
  view.setUint16(105, EMPTY_PAGE_SIZE);
  return { commit: 1, timestampMs: 0, firstPage };
}
