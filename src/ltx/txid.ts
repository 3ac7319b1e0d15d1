/**
 * LTX transaction numbers and positions, as text.
 *
 * A TXID counts from 1 and is 16 lower-case hex digits in names. A position is a TXID and the checksum of the database after
 * it: `<16 digits>/<16 digits>`. Source: superfly/ltx ltx.go (TXID, Pos). Above 2^53 - 1 a TXID is refused: at one a
 * millisecond that is 285,000 years.
 */
import { FsError } from "../core/fs-error.ts";

const DIGITS = /^[0-9a-f]{16}$/;

/** 16 lower-case hex digits. */
export function formatTxid(txid: number): string {
  return txid.toString(16).padStart(16, "0");
}

/** undefined when `text` is not exactly 16 lower-case hex digits, or is above 2^53 - 1. */
export function parseTxid(text: string): number | undefined {
  if (!DIGITS.test(text)) return undefined;
  const txid = Number.parseInt(text, 16);
  return txid <= Number.MAX_SAFE_INTEGER ? txid : undefined;
}

/** Throws EINVAL when `txid` is no whole number in [1, 2^53 - 1]. */
export function checkTxid(txid: number, what: string): void {
  if (Number.isSafeInteger(txid) && txid >= 1) return;
  throw new FsError("EINVAL", `${what} ${txid} is no TXID`);
}
