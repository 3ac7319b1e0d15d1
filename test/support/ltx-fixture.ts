/** LTX files for tests: the library's own vectors, and files made and read in one piece. */
import { LtxDecoder, type LtxDecoderOptions } from "../../src/ltx/decoder.ts";
import { LtxEncoder, type LtxEncoderOptions } from "../../src/ltx/encoder.ts";
import type { LtxHeader, LtxTrailer } from "../../src/ltx/header.ts";

export interface Page {
  readonly pgno: number;
  readonly data: Uint8Array;
}

export interface LtxContent {
  readonly header: LtxHeader;
  readonly pages: readonly Page[];
  readonly trailer: LtxTrailer;
}

/** A header of a snapshot of one page of 512 bytes that tracks no checksums, but for what is given. */
export function headerOf(fields: Partial<LtxHeader> = {}): LtxHeader {
  return {
    flags: 2,
    pageSize: 512,
    commit: 1,
    minTxid: 1,
    maxTxid: 1,
    timestampMs: 1000,
    preApplyChecksum: 0n,
    walOffset: 0,
    walSize: 0,
    walSalt1: 0,
    walSalt2: 0,
    nodeId: 0n,
    ...fields,
  };
}

/** A page of one byte, repeated. */
export function filledPage(pgno: number, byte: number = pgno, size = 512): Page {
  return { pgno, data: new Uint8Array(size).fill(byte) };
}

export function encodeLtx(
  header: LtxHeader,
  pages: readonly Page[],
  options: LtxEncoderOptions & { readonly postApply?: bigint } = {},
): Uint8Array {
  const encoder = new LtxEncoder(header, options);
  const pieces = [encoder.begin()];
  for (const { pgno, data } of pages) pieces.push(encoder.page(pgno, data));
  pieces.push(...encoder.finish(options.postApply));
  return new Uint8Array(Buffer.concat(pieces));
}

/** Fed `step` bytes at a time. */
export function decodeLtx(
  bytes: Uint8Array,
  options: Partial<LtxDecoderOptions> & { readonly step?: number } = {},
): LtxContent {
  const decoder = new LtxDecoder({ name: "a file", ...options });
  const pages: Page[] = [];
  const step = options.step ?? Math.max(1, bytes.length);
  for (let at = 0; at < bytes.length; at += step) {
    decoder.feed(bytes.subarray(at, at + step));
    for (let page = decoder.next(); page !== undefined; page = decoder.next()) {
      pages.push({ pgno: page.pgno, data: page.data.slice() });
    }
  }
  const trailer = decoder.finish();
  return { header: decoder.header!, pages, trailer };
}

export function hexBytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
}

const ZEROS_60 = "00".repeat(60);
/** Of a snapshot of one page at TXID 1; `flags` and `commit` as one hex digit. */
const headerHex = (flags: string, commit: string): string =>
  `4c54583100000 00${flags} 00000200 0000000${commit} 0000000000000001 0000000000000001 00000000000003e8 ${ZEROS_60}`;
const INCREMENTAL_HEADER =
  "4c545831 00000002 00000200 00000003 0000000000000002 0000000000000002 00000000000007d0" +
  `0000000000000000 0000000000000020 0000000000000430 11223344 55667788 ${"00".repeat(28)}`;
const BLOCK_1 = "1f010100ffda000200000200b00101010101010101010101";
const BLOCK_2 = "1f020100ffda000200000200b00202020202020202020202";
const BLOCK_3 = "1f030100ffda000200000200b00303030303030303030303";
const lz4Frame = (block: string, checksum: string): string =>
  `04224d186440a7 18000000 ${block} 00000000 ${checksum}`;
const FRAME_1 = lz4Frame(BLOCK_1, "d9e9c34f");
const RAW_PAGES = `00000001 ${"01".repeat(512)} 00000000`;

export interface Vector {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly header: LtxHeader;
  readonly pages: readonly Page[];
}

/** Bytes that the Go library wrote, of every generation. Source: superfly/ltx at 8cb8f8e, v0.4.0 and v0.3.14. */
export const LTX_VECTORS: readonly Vector[] = [
  {
    name: "a snapshot of LZ4 blocks",
    bytes: hexBytes(
      `${headerHex("2", "1")} 00000001 0001 00000018 ${BLOCK_1} 000000000000
       01 64 22 00 0000000000000004 0000000000000000 f12f7ff91fde6137`,
    ),
    header: headerOf(),
    pages: [filledPage(1)],
  },
  {
    name: "a snapshot of LZ4 blocks with checksums",
    bytes: hexBytes(
      `${headerHex("0", "1")} 00000001 0001 00000018 ${BLOCK_1} 000000000000
       01 64 22 00 0000000000000004 e4e4aaa102377eee d0583e5c87ee05ef`,
    ),
    header: headerOf({ flags: 0 }),
    pages: [filledPage(1)],
  },
  {
    name: "an increment of LZ4 blocks",
    bytes: hexBytes(
      `${INCREMENTAL_HEADER} 00000002 0001 00000018 ${BLOCK_2} 00000003 0001 00000018 ${BLOCK_3}
       000000000000 02 64 22 03 8601 22 00 0000000000000008 0000000000000000 a4650ea414b697bc`,
    ),
    header: incrementalHeader(),
    pages: [filledPage(2), filledPage(3)],
  },
  {
    name: "a snapshot of LZ4 frames",
    bytes: hexBytes(
      `${headerHex("2", "1")} 00000001 0000 ${FRAME_1} 000000000000
       01 64 31 00 0000000000000004 0000000000000000 f6d0b08877639784`,
    ),
    header: headerOf(),
    pages: [filledPage(1)],
  },
  {
    name: "an increment of LZ4 frames",
    bytes: hexBytes(
      `${INCREMENTAL_HEADER} 00000002 0000 ${lz4Frame(BLOCK_2, "55f02215")}
       00000003 0000 ${lz4Frame(BLOCK_3, "80ce1fff")} 000000000000
       02 64 31 03 9501 31 00 0000000000000008 0000000000000000 95a2b1d1e266bc86`,
    ),
    header: incrementalHeader(),
    pages: [filledPage(2), filledPage(3)],
  },
  {
    name: "a deletion",
    bytes: hexBytes(
      `4c545831 00000000 00000200 00000000 0000000000000003 0000000000000003 0000000000000bb8
       8000000000000001 ${"00".repeat(52)} 000000000000 00 0000000000000001 8000000000000000 87c331c4b2810507`,
    ),
    header: headerOf({
      flags: 0,
      commit: 0,
      minTxid: 3,
      maxTxid: 3,
      timestampMs: 3000,
      preApplyChecksum: 0x8000_0000_0000_0001n,
    }),
    pages: [],
  },
  {
    name: "a snapshot of the second generation",
    bytes: hexBytes(
      `${headerHex("2", "1")} 00000001 ${FRAME_1} 00000000
       01 64 2f 00 0000000000000004 0000000000000000 b42bc4fb0e300452`,
    ),
    header: headerOf(),
    pages: [filledPage(1)],
  },
  {
    name: "a snapshot of the second generation with checksums",
    bytes: hexBytes(
      `${headerHex("0", "1")} 00000001 ${FRAME_1} 00000000
       01 64 2f 00 0000000000000004 e4e4aaa102377eee bd48187e436060e0`,
    ),
    header: headerOf({ flags: 0 }),
    pages: [filledPage(1)],
  },
  {
    name: "a raw snapshot of the first generation",
    bytes: hexBytes(`${headerHex("0", "1")} ${RAW_PAGES} e4e4aaa102377eee c6464c277d0475e7`),
    header: headerOf({ flags: 0 }),
    pages: [filledPage(1)],
  },
  {
    name: "a compressed snapshot of the first generation",
    bytes: hexBytes(
      `${headerHex("1", "2")} 04224d186440a7 21000000
       4f000000010100ffee4f000000020100ffe4e00202020202020202020200000000 00000000 c5d6954b
       ad2dffe333333333 b595f85138c5a97e`,
    ),
    header: headerOf({ flags: 1, commit: 2 }),
    pages: [filledPage(1), filledPage(2)],
  },
];

function incrementalHeader(): LtxHeader {
  return headerOf({
    commit: 3,
    minTxid: 2,
    maxTxid: 2,
    timestampMs: 2000,
    walOffset: 32,
    walSize: 1072,
    walSalt1: 0x1122_3344,
    walSalt2: 0x5566_7788,
  });
}
