/** The machine's monotonic clock in milliseconds: the same in all processes, so that a parent can tell what a child waited for. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
