/**
 * Writes an LTX file of the third generation, piece by piece: `begin`, a `page` for each page in ascending order,
 * `finish`. Each call gives the bytes that come next; where they go is the caller's business.
 *
 * Memory is the page index, about 8 bytes a page, and one page. What always holds: a file that `finish` gave the end of is
 * one that every real reader of its page encoding accepts; whatever would make another is refused with EINVAL.
 * Source: superfly/ltx encoder.go.
 */
import { FsError } from "../core/fs-error.ts";
import { CHECKSUM_FLAG, EMPTY_DATABASE_CHECKSUM, PageChecksum, togglePage } from "./checksum.ts";
import { Crc64 } from "./crc64.ts";
import type { PageEncoding } from "./encoding.ts";
import {
  encodeLtxHeader,
  isSnapshot,
  LTX_TRAILER_SIZE,
  type LtxHeader,
  type LtxTrailer,
  postApplyProblem,
  tracksChecksum,
} from "./header.ts";
import { spanOf } from "./lz4-block.ts";
import { encodePageFrame, pageHeaderSize } from "./page-frame.ts";
import { PageIndexWriter } from "./page-index.ts";
import { PageOrder } from "./page-order.ts";

export interface LtxEncoderOptions {
  /** `frame` (the default) is read by every Litestream 0.5, `block` is 9 bytes a page smaller and read from 0.5.16 on. */
  readonly pageEncoding?: PageEncoding;
}

export class LtxEncoder {
  readonly #header: LtxHeader;
  readonly #pageEncoding: PageEncoding;
  readonly #order: PageOrder;
  readonly #index = new PageIndexWriter();
  readonly #crc = new Crc64();
  readonly #pageChecksum = new PageChecksum();
  readonly #computesChecksum: boolean;
  #databaseChecksum = EMPTY_DATABASE_CHECKSUM;
  #state: "new" | "pages" | "finished" = "new";
  #size = 0;

  /** Throws EINVAL when no file can have this header. */
  constructor(header: LtxHeader, options: LtxEncoderOptions = {}) {
    encodeLtxHeader(header);
    this.#header = { ...header };
    this.#pageEncoding = options.pageEncoding ?? "frame";
    this.#order = new PageOrder(header);
    this.#computesChecksum = isSnapshot(header) && tracksChecksum(header);
  }

  /** Bytes given so far. */
  get size(): number {
    return this.#size;
  }

  /** The first bytes of the file. All bytes that this class gives are owned by the caller. */
  begin(): Uint8Array {
    this.#expect("new", "begin");
    this.#state = "pages";
    const bytes = encodeLtxHeader(this.#header);
    this.#take(bytes);
    return bytes;
  }

  /** The bytes of page `pgno`. EINVAL when its turn is past, or it may not be in this file. */
  page(pgno: number, data: Uint8Array): Uint8Array {
    this.#expect("pages", `page ${pgno}`);
    const { pageSize } = this.#header;
    if (data.length !== pageSize) {
      throw new FsError("EINVAL", `page ${pgno} has ${data.length} bytes instead of ${pageSize}`);
    }
    const problem = this.#order.accept(pgno);
    if (problem !== undefined) throw new FsError("EINVAL", problem);
    const frame = encodePageFrame(pgno, data, this.#pageEncoding);
    const headerSize = pageHeaderSize("v3") + (this.#pageEncoding === "block" ? 4 : 0);
    const { view } = spanOf(data);
    this.#crc.update(spanOf(frame).view, 0, headerSize);
    this.#crc.update(view, 0, pageSize);
    if (this.#computesChecksum) {
      const checksum = this.#pageChecksum.of(pgno, view, { at: 0, size: pageSize });
      this.#databaseChecksum = togglePage(this.#databaseChecksum, checksum);
    }
    this.#index.add({ pgno, offset: this.#size, length: frame.length });
    this.#size += frame.length;
    return frame;
  }

  /**
   * The last bytes of the file. `postApplyChecksum` is the database's after this file: for a file that tracks none it is left
   * out, for a snapshot it is computed here and may be left out too.
   */
  finish(postApplyChecksum?: bigint): readonly Uint8Array[] {
    this.#expect("pages", "finish");
    const problem = this.#order.finish();
    if (problem !== undefined) throw new FsError("EINVAL", problem);
    const postApply = this.#postApply(postApplyChecksum);
    this.#state = "finished";
    const pieces = [new Uint8Array(pageHeaderSize("v3")), ...this.#index.finish()];
    for (const piece of pieces) this.#take(piece);
    pieces.push(this.#trailer(postApply));
    return pieces;
  }

  #postApply(given: bigint | undefined): bigint {
    const computed = this.#computesChecksum ? this.#databaseChecksum : undefined;
    const postApply = given ?? computed ?? 0n;
    const problem =
      postApplyProblem(this.#header, postApply) ??
      (computed !== undefined && computed !== postApply
        ? "the post-apply checksum is not that of the snapshot's pages"
        : undefined);
    if (problem !== undefined) throw new FsError("EINVAL", problem);
    return postApply;
  }

  #trailer(postApplyChecksum: bigint): Uint8Array {
    const bytes = new Uint8Array(LTX_TRAILER_SIZE);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, postApplyChecksum);
    this.#crc.update(view, 0, 8);
    const trailer: LtxTrailer = {
      postApplyChecksum,
      fileChecksum: this.#crc.digest() | CHECKSUM_FLAG,
    };
    view.setBigUint64(8, trailer.fileChecksum);
    this.#size += bytes.length;
    return bytes;
  }

  #take(bytes: Uint8Array): void {
    this.#crc.update(spanOf(bytes).view, 0, bytes.length);
    this.#size += bytes.length;
  }

  #expect(state: "new" | "pages", what: string): void {
    if (this.#state === state) return;
    const now = { new: "before begin", pages: "after begin", finished: "after finish" }[
      this.#state
    ];
    throw new FsError("EINVAL", `an LTX file cannot be written like that: ${what} ${now}`);
  }
}
