/**
 * Several LTX files in a row made one: of each page the newest version, none above the last commit.
 *
 * The inputs stream: memory is a page, a frame and a chunk of each, and the index of the result. Each input is read to
 * its end and checked, superseded pages included; the last bytes of the result come only after that, so a result that is
 * whole is right. Source: superfly/ltx compactor.go.
 */
import { CorruptError, FsError } from "../core/fs-error.ts";
import type { PageEncoding } from "./encoding.ts";
import { LtxDecoder, type LtxPage } from "./decoder.ts";
import { LtxEncoder } from "./encoder.ts";
import { LtxFlag, type LtxHeader, type LtxTrailer, tracksChecksum } from "./header.ts";
import { formatTxid } from "./txid.ts";

/** Bytes given at a time. */
const PIECE_SIZE: number = 256 * 1024;

export interface LtxInput {
  /** For messages. */
  readonly name: string;
  /** The file from its beginning to its end. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface CompactOptions {
  readonly pageEncoding?: PageEncoding;
  /** The result carries the checksums of the database; all inputs must. Litestream wants none, which is the default. */
  readonly trackChecksums?: boolean;
}

/**
 * The bytes of one file in place of `inputs`, oldest first. EINVAL when the inputs do not follow each other, CorruptError
 * when one is damaged: both before the last piece, so that a result that ended is whole.
 */
export async function* compactLtx(
  inputs: readonly LtxInput[],
  options: CompactOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  const sources = inputs.map((input) => new MergeSource(input));
  try {
    for (const source of sources) await source.advance();
    const header = mergedHeader(sources, options);
    const encoder = new LtxEncoder(
      header,
      options.pageEncoding === undefined ? {} : { pageEncoding: options.pageEncoding },
    );
    const pieces = new Pieces();
    pieces.add(encoder.begin());
    yield* mergePages(sources, encoder, pieces);
    let trailer: LtxTrailer | undefined;
    for (const source of sources) trailer = source.finish();
    const postApply = tracksChecksum(header) ? trailer!.postApplyChecksum : undefined;
    for (const piece of finishAs(encoder, sources, postApply)) pieces.add(piece);
    yield pieces.take();
  } finally {
    for (const source of sources) await source.close();
  }
}

async function* mergePages(
  sources: readonly MergeSource[],
  encoder: LtxEncoder,
  pieces: Pieces,
): AsyncGenerator<Uint8Array, void, void> {
  const { commit } = sources.at(-1)!.header;
  for (;;) {
    let newest: MergeSource | undefined;
    for (const source of sources) {
      if (source.page === undefined) continue;
      if (newest === undefined || source.page.pgno <= newest.page!.pgno) newest = source;
    }
    if (newest === undefined) return;
    const page = newest.page!;
    if (page.pgno <= commit) {
      const frame = within(sources, () => encoder.page(page.pgno, page.data));
      if (pieces.add(frame)) yield pieces.take();
    }
    for (const source of sources) {
      if (source.page?.pgno === page.pgno) await source.advance();
    }
  }
}

function finishAs(
  encoder: LtxEncoder,
  sources: readonly MergeSource[],
  postApply: bigint | undefined,
): readonly Uint8Array[] {
  return within(sources, () => encoder.finish(postApply));
}

/** What the encoder refuses are the inputs' pages. */
function within<T>(sources: readonly MergeSource[], act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    const names = `${sources[0]!.name} to ${sources.at(-1)!.name}`;
    throw new CorruptError(`${names}: together they make no LTX file: ${error.message}`, {
      cause: error,
    });
  }
}

function mergedHeader(sources: readonly MergeSource[], options: CompactOptions): LtxHeader {
  const first = sources[0];
  if (first === undefined) throw new FsError("EINVAL", "there is no file to compact");
  for (const [i, source] of sources.entries()) {
    if (i > 0) checkFollows(sources[i - 1]!, source);
    if (options.trackChecksums === true && !tracksChecksum(source.header)) {
      throw new FsError("EINVAL", `${source.name}: tracks no checksums of the database`);
    }
  }
  const last = sources.at(-1)!.header;
  const tracks = options.trackChecksums === true;
  return {
    flags: tracks ? 0 : LtxFlag.noChecksum,
    pageSize: first.header.pageSize,
    commit: last.commit,
    minTxid: first.header.minTxid,
    maxTxid: last.maxTxid,
    timestampMs: last.timestampMs,
    preApplyChecksum: tracks ? first.header.preApplyChecksum : 0n,
    walOffset: 0,
    walSize: 0,
    walSalt1: 0,
    walSalt2: 0,
    nodeId: 0n,
  };
}

/** Overlap is allowed, a gap is not, nor a file that adds nothing. */
function checkFollows(before: MergeSource, after: MergeSource): void {
  const [a, b] = [before.header, after.header];
  if (a.pageSize !== b.pageSize) {
    const sizes = `pages of ${b.pageSize} bytes behind ${a.pageSize} of ${before.name}`;
    throw new FsError("EINVAL", `${after.name}: ${sizes}`);
  }
  if (b.minTxid <= a.maxTxid + 1 && b.maxTxid > a.maxTxid) return;
  const ranges = `${formatTxid(b.minTxid)} to ${formatTxid(b.maxTxid)} behind ${formatTxid(a.maxTxid)}`;
  throw new FsError("EINVAL", `${after.name}: does not follow ${before.name} (${ranges})`);
}

/** One input, and the page of it that comes next. */
class MergeSource {
  readonly name: string;
  page: LtxPage | undefined;
  readonly #decoder: LtxDecoder;
  readonly #bytes: AsyncIterator<Uint8Array>;
  #isAtEnd = false;

  constructor(input: LtxInput) {
    this.name = input.name;
    this.#decoder = new LtxDecoder({ name: input.name });
    this.#bytes = input.bytes[Symbol.asyncIterator]();
  }

  get header(): LtxHeader {
    return this.#decoder.header!;
  }

  /** Goes on to the next page; at the end of the file there is none. */
  async advance(): Promise<void> {
    for (;;) {
      this.page = this.#decoder.next();
      if (this.page !== undefined || this.#isAtEnd) return;
      const chunk = await this.#bytes.next();
      if (chunk.done === true) {
        this.#isAtEnd = true;
        this.#decoder.finish();
        return;
      }
      this.#decoder.feed(chunk.value);
    }
  }

  /** The trailer; the file was whole and right. */
  finish(): LtxTrailer {
    return this.#decoder.finish();
  }

  async close(): Promise<void> {
    await this.#bytes.return?.();
  }
}

/** Gathers small pieces into larger ones. */
class Pieces {
  #pieces: Uint8Array[] = [];
  #size = 0;

  /** True when there is enough to be taken. */
  add(piece: Uint8Array): boolean {
    this.#pieces.push(piece);
    this.#size += piece.length;
    return this.#size >= PIECE_SIZE;
  }

  /** Owned by the caller. */
  take(): Uint8Array {
    const joined = new Uint8Array(this.#size);
    let at = 0;
    for (const piece of this.#pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#size = 0;
    return joined;
  }
}
