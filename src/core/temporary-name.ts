/**
 * A name beside `path` that no other process uses now: the pid tells running processes apart, the monotonic clock those
 * of one pid. Without node:crypto, which costs a supervisor megabytes.
 */
export function temporaryName(path: string): string {
  return `${path}.${process.pid}-${process.hrtime.bigint()}`;
}
