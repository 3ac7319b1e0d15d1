/**
 * The last line of a test run, `N passed, N failed`, and the exit code that goes with it.
 */

/** Prints the sum of `parts` and makes the process fail if anything failed, or if nothing ran at all. */
export function printTotal(
  parts: readonly { readonly passed: number; readonly failed: number }[],
): void {
  const passed = parts.reduce((sum, part) => sum + part.passed, 0);
  const failed = parts.reduce((sum, part) => sum + part.failed, 0);
  if (failed > 0 || passed === 0) process.exitCode = 1;
  console.log(`${passed} passed, ${failed} failed`);
}
