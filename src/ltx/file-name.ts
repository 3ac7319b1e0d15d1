/**
 * The name of an LTX file: `<min TXID>-<max TXID>.ltx`, each 16 lower-case hex digits. Any other name is not one, as the
 * tools of others see it too. The order of names is the order of (min, max). Source: superfly/ltx ltx.go.
 */
import { formatTxid, parseTxid } from "./txid.ts";

const PATTERN = /^([0-9a-f]{16})-([0-9a-f]{16})\.ltx$/;

export interface TxidRange {
  readonly minTxid: number;
  readonly maxTxid: number;
}

export function formatLtxFileName(range: TxidRange): string {
  return `${formatTxid(range.minTxid)}-${formatTxid(range.maxTxid)}.ltx`;
}

/** undefined when `name` is not the name of an LTX file, or its numbers cannot be. */
export function parseLtxFileName(name: string): TxidRange | undefined {
  const match = PATTERN.exec(name);
  if (match === null) return undefined;
  const minTxid = parseTxid(match[1]!);
  const maxTxid = parseTxid(match[2]!);
  if (minTxid === undefined || maxTxid === undefined) return undefined;
  return minTxid >= 1 && minTxid <= maxTxid ? { minTxid, maxTxid } : undefined;
}
