/**
 * What `npm run proof` runs: a list of proofs, each under a name, each a driver that returns counts and what it found.
 *
 * Ours are in own-proofs.ts: most run files of tests with the sizes of the long run in the environment (test-file-proof.ts).
 * Suites and programs that others wrote are in outside-proofs.ts: nothing of them is in this repository, so each is told
 * by an environment variable where it lies, and is skipped with that reason when it is not.
 *
 * To add one: write a function that returns a Proof, and put it into one of the two lists. A driver
 * - works in `run.scratch`, a directory of its own on a disk, which is removed afterwards; it mounts with MountFixture;
 * - tells progress and whatever helps to find a cause with `run.say`: that is the log of the proof, not the terminal;
 * - returns what it counted in words ("8,827 asserts in 238 files") and every failure in a line of its own. A failure that
 *   is known and not ours is not returned, but counted: it is named in the driver, with its reason;
 * - fails when nothing ran: a suite that passes because it was not there is no proof;
 * - obeys `run.isSlice`: as little as shows that the driver works.
 */

export interface ProofRun {
  /** An empty directory on a disk. */
  readonly scratch: string;
  /** A small part only, to try the driver itself. */
  readonly isSlice: boolean;
  readonly say: (line: string) => void;
}

export interface ProofResult {
  /** What was counted, for the table. */
  readonly counts: string;
  /** A line each; none: it holds. */
  readonly failures: readonly string[];
}

export interface Proof {
  /** "kill/random": `npm run proof -- WORD` selects the names that hold the word. */
  readonly name: string;
  /** What the long run runs, for the table. */
  readonly what: string;
  /** Why it cannot run here; undefined when it can. */
  readonly reasonToSkip: () => string | undefined;
  /** A throw is a failure too. */
  readonly run: (run: ProofRun) => Promise<ProofResult>;
}
