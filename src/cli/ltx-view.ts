/** What `shoal ltx` shows and understands: tables, JSON, and the instant that is to be restored. */
import { formatChecksum } from "../ltx/checksum.ts";
import { type LtxHeader, tracksChecksum } from "../ltx/header.ts";
import type { RestoreTarget } from "../ltx/restore/restore-plan.ts";
import { formatTxid } from "../ltx/txid.ts";
import { formatByteSize } from "./byte-size.ts";
import type { LtxDump, LtxRow } from "./ltx-files.ts";
import { UsageError } from "./usage-error.ts";

/** Counts up when a name or a unit below it has to change. */
const JSON_SCHEMA = 1;
const TXID_PATTERN = /^[0-9a-f]{1,16}$/iu;

export function listText(rows: readonly LtxRow[], isJson: boolean): string {
  if (isJson) {
    const files = rows.map(({ path, level, generation, header, size }) => {
      return { path, level, generation, size, ...headerFields(header) };
    });
    return `${JSON.stringify({ schema: JSON_SCHEMA, files }, undefined, 2)}\n`;
  }
  if (rows.length === 0) return "";
  const lines = rows.map(({ path, level, generation, header, size }) =>
    [
      String(level).padStart(5),
      formatTxid(header.minTxid),
      formatTxid(header.maxTxid),
      String(header.commit).padStart(8),
      formatByteSize(size).padStart(8),
      timeText(header.timestampMs).padEnd(24),
      generation.padEnd(6),
      path,
    ].join("  "),
  );
  const head =
    "level  min TXID          max TXID             pages      size  time                      format  file";
  return `${head}\n${lines.join("\n")}\n`;
}

export function dumpText(dump: LtxDump, isJson: boolean): string {
  const { path, generation, header, pages, trailer } = dump;
  const post = formatChecksum(trailer.postApplyChecksum);
  const fileChecksum = formatChecksum(trailer.fileChecksum);
  if (isJson) {
    const shown = { schema: JSON_SCHEMA, path, generation, ...headerFields(header), pages };
    const text = JSON.stringify({ ...shown, postApplyChecksum: post, fileChecksum }, undefined, 2);
    return `${text}\n`;
  }
  const rows: readonly (readonly [string, string])[] = [
    ["format", generation],
    ["flags", `0x${header.flags.toString(16)}`],
    ["page size", String(header.pageSize)],
    ["pages", `${header.commit} in the database, ${pages.length} in this file`],
    ["TXIDs", `${formatTxid(header.minTxid)} to ${formatTxid(header.maxTxid)}`],
    ["time", timeText(header.timestampMs)],
    ["WAL", `offset ${header.walOffset}, ${header.walSize} bytes, salts ${saltsText(header)}`],
    ["node", header.nodeId.toString(16).padStart(16, "0")],
    ["checksum before", checksumText(header, header.preApplyChecksum)],
    ["checksum after", checksumText(header, trailer.postApplyChecksum)],
    ["file checksum", fileChecksum],
  ];
  const head = rows.map(([label, value]) => `${label.padEnd(17)}${value}\n`).join("");
  const lines = pages.map(
    ({ pgno, checksum }) => `page ${String(pgno).padStart(10)}  ${checksum}\n`,
  );
  return `${path}\n${head}${lines.join("")}`;
}

/** From `--txid` and `--before`. Throws UsageError when one of them is none. */
export function parseRestoreTarget(flags: {
  readonly txid?: string;
  readonly before?: string;
}): RestoreTarget {
  const { txid, before } = flags;
  if (txid !== undefined) {
    const value = TXID_PATTERN.test(txid) ? Number.parseInt(txid, 16) : 0;
    if (value >= 1 && Number.isSafeInteger(value)) return { kind: "txid", txid: value };
    throw new UsageError(
      `--txid: ${JSON.stringify(txid)} is no TXID\nWrite it in hex, as names of files have it: 1a, 000000000000001a`,
    );
  }
  if (before === undefined) return { kind: "latest" };
  const timestampMs = Date.parse(before);
  if (!Number.isNaN(timestampMs)) return { kind: "before", timestampMs };
  throw new UsageError(
    `--before: ${JSON.stringify(before)} is no time\nWrite it as 2026-11-20T10:00:00Z`,
  );
}

function headerFields(header: LtxHeader): Readonly<Record<string, string | number>> {
  return {
    flags: header.flags,
    pageSize: header.pageSize,
    commit: header.commit,
    minTxid: formatTxid(header.minTxid),
    maxTxid: formatTxid(header.maxTxid),
    timestampMs: header.timestampMs,
    preApplyChecksum: formatChecksum(header.preApplyChecksum),
    walOffset: header.walOffset,
    walSize: header.walSize,
    walSalt1: header.walSalt1,
    walSalt2: header.walSalt2,
    nodeId: header.nodeId.toString(16).padStart(16, "0"),
  };
}

function saltsText(header: LtxHeader): string {
  const hex = (salt: number): string => salt.toString(16).padStart(8, "0");
  return `${hex(header.walSalt1)} ${hex(header.walSalt2)}`;
}

function checksumText(header: LtxHeader, checksum: bigint): string {
  if (!tracksChecksum(header)) return "not tracked";
  return checksum === 0n ? "none" : formatChecksum(checksum);
}

function timeText(timestampMs: number): string {
  const date = new Date(timestampMs);
  return Number.isNaN(date.getTime()) ? `${timestampMs} ms` : date.toISOString();
}
