/**
 * Every POSIX suite over one driver: `runPosixSuites` for any factory, `runPosixConformance` for a directory of the machine.
 *
 * Must be called while node:test collects tests (at the top of a test file).
 */
import { aclSuite } from "./acls.ts";
import { allocationSuite } from "./allocation.ts";
import { copyRangeSuite } from "./copy-range.ts";
import { createSuite } from "./create.ts";
import { dataSuite } from "./data.ts";
import { directorySuite } from "./directories.ts";
import { fileFlagSuite } from "./file-flags.ts";
import { foundBySuitesSuite } from "./found-by-suites.ts";
import { handleSuite, statfsSuite } from "./handles.ts";
import { linkSuite } from "./links.ts";
import { TemporaryLinuxDirectory } from "./linux-directory.ts";
import { lookupSuite } from "./lookup.ts";
import { lockSuite, mappingSuite } from "./memory.ts";
import { ownershipSuite } from "./ownership.ts";
import { permissionSuite } from "./permissions.ts";
import type { PosixCapabilities, PosixFactory, PosixLimits, PosixSuite } from "./posix-suite.ts";
import { readDirectorySuite } from "./read-directory.ts";
import { renameSuite } from "./rename.ts";
import { temporaryFileSuite } from "./temporary-files.ts";
import { timestampSuite } from "./timestamps.ts";
import { xattrSuite } from "./xattrs.ts";

const SUITES: readonly PosixSuite[] = [
  lookupSuite,
  createSuite,
  directorySuite,
  linkSuite,
  renameSuite,
  timestampSuite,
  ownershipSuite,
  permissionSuite,
  dataSuite,
  allocationSuite,
  copyRangeSuite,
  temporaryFileSuite,
  xattrSuite,
  aclSuite,
  fileFlagSuite,
  readDirectorySuite,
  handleSuite,
  statfsSuite,
  mappingSuite,
  lockSuite,
  foundBySuitesSuite,
];

/** Set to anything for the tests that take long. */
const LONG_RUN_VARIABLE = "SHOAL_TEST_LONG";

/** What Linux with a local filesystem can do. A driver takes away what it can't, and says why. */
export function fullCapabilities(): PosixCapabilities {
  return {
    mount: true,
    paths: true,
    callers: true,
    acl: true,
    handles: true,
    fileFlags: true,
    immutableRefusesOpen: true,
    birthtime: true,
    relatime: true,
    temporaryFiles: true,
    shiftRanges: true,
    holes: true,
    copyRange: true,
    whiteout: true,
    stableCookies: true,
    longRun:
      process.env[LONG_RUN_VARIABLE] === undefined ? `takes long: set ${LONG_RUN_VARIABLE}` : true,
  };
}

export interface PosixConformanceOptions {
  /** In the names of the tests. */
  readonly name: string;
  /** A directory of the machine; every test works in a fresh directory under it. */
  readonly root: string;
  /** What differs from `fullCapabilities`. */
  readonly capabilities: Partial<PosixCapabilities>;
  readonly limits: PosixLimits;
}

export function runPosixConformance(options: PosixConformanceOptions): void {
  runPosixSuites({
    name: options.name,
    capabilities: { ...fullCapabilities(), ...options.capabilities },
    limits: options.limits,
    make: () => new TemporaryLinuxDirectory(options.root),
  });
}

export function runPosixSuites(factory: PosixFactory): void {
  for (const suite of SUITES) suite(factory);
}
