/**
 * Suites and programs that others wrote, where an environment variable says where they lie. Nothing of theirs is here, nor
 * how they are built; docs/posix.md has versions, figures and exclusions with their reasons.
 */
import { CONNECTATHON } from "./outside/connectathon.ts";
import { FSSTRESS } from "./outside/fsstress.ts";
import { FSX } from "./outside/fsx.ts";
import { GIT_SUITE } from "./outside/git-suite.ts";
import { HYPO } from "./outside/hypo.ts";
import { LTP } from "./outside/ltp.ts";
import { PJDFSTEST } from "./outside/pjdfstest.ts";
import { SQLITE_SUITE } from "./outside/sqlite-suite.ts";
import { STRESS_NG } from "./outside/stress-ng.ts";
import { TREE_COPIES } from "./outside/tree-copies.ts";
import { XFSTESTS } from "./outside/xfstests.ts";
import type { Proof } from "./proof.ts";

export const OUTSIDE_PROOFS: readonly Proof[] = [
  ...PJDFSTEST,
  ...LTP,
  ...XFSTESTS,
  ...FSX,
  FSSTRESS,
  STRESS_NG,
  CONNECTATHON,
  HYPO,
  ...SQLITE_SUITE,
  GIT_SUITE,
  TREE_COPIES,
];
