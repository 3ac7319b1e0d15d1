/**
 * Sizes as people write and read them: "512M", "4GiB" in; "1.5 GiB" out.
 *
 * K, M, G, T with or without "iB" are powers of 1024, as in the tools of Linux; "KB", "MB" and so on are refused, for
 * half of all people mean 1000 by them. A bare number is in bytes.
 */
import { UsageError } from "./usage-error.ts";

const UNITS: readonly string[] = ["", "K", "M", "G", "T"];
const PATTERN = /^(\d+(?:\.\d+)?)\s*(?:([KMGT])(?:iB)?|B)?$/iu;

/** `what` names the option in the error. Throws UsageError for anything but a positive size below 2^53. */
export function parseByteSize(text: string, what: string): number {
  const match = PATTERN.exec(text.trim());
  if (match === null) {
    throw new UsageError(
      `${what}: ${JSON.stringify(text)} is no size\nWrite bytes, or a number with K, M, G or T: 512M, 4GiB`,
    );
  }
  const power = UNITS.indexOf((match[2] ?? "").toUpperCase());
  const size = Math.round(Number(match[1]) * 1024 ** power);
  if (size < 1) throw new UsageError(`${what}: ${JSON.stringify(text)} is no size above zero`);
  if (!Number.isSafeInteger(size)) throw new UsageError(`${what}: ${text} is too large`);
  return size;
}

/** What --memory may be: below it the processes cannot even start as they are, and the option would promise nothing. */
const MEMORY_SIZE_MIN: number = 128 * 1024 ** 2;

/** As `parseByteSize`; throws UsageError for less than a mount needs as well. */
export function parseMemorySize(text: string, what: string): number {
  const size = parseByteSize(text, what);
  if (size >= MEMORY_SIZE_MIN) return size;
  throw new UsageError(
    `${what}: ${text} is less than the ${formatByteSize(MEMORY_SIZE_MIN)} that a mount needs`,
  );
}

/** Three digits at most: "0 B", "1.5 KiB", "210 MiB". */
export function formatByteSize(size: number): string {
  let value = size;
  let power = 0;
  while (value >= 1023.5 && power < UNITS.length - 1) {
    value /= 1024;
    power++;
  }
  const digits = power === 0 || value >= 9.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[power]!}${power === 0 ? "B" : "iB"}`;
}
