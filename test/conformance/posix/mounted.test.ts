/**
 * The suites over a mounted volume: SHOAL_POSIX_ROOT names a directory of it. Run as root, with the mount open to all users.
 *
 * Here stand the departures of a FUSE mount from a local filesystem, each with its reason.
 */
import { describe, it } from "node:test";
import { FILE_SIZE_MAX, LINK_COUNT_MAX, XATTR_VALUE_SIZE_MAX } from "../../../src/core/limits.ts";
import type { PosixCapabilities, PosixLimits } from "./posix-suite.ts";
import { runPosixConformance } from "./run-posix-conformance.ts";

const MOUNT_DEPARTURES: Partial<PosixCapabilities> = {
  immutableRefusesOpen: "the kernel does not tell of OPEN: the write is refused instead",
  relatime: "reads that the page cache answers never arrive",
  shiftRanges: "the FUSE client of the kernel refuses COLLAPSE_RANGE and INSERT_RANGE itself",
};

const MOUNT_LIMITS: PosixLimits = {
  fileSizeMax: FILE_SIZE_MAX,
  linkCountMax: LINK_COUNT_MAX,
  xattrValueSizeMax: XATTR_VALUE_SIZE_MAX,
  allocationUnit: 4096,
};

const root = process.env["SHOAL_POSIX_ROOT"];

if (root === undefined || process.getuid?.() !== 0) {
  const skip = root === undefined ? "SHOAL_POSIX_ROOT is not set" : "needs root";
  describe("mounted volume", () => {
    it("passes every POSIX suite", { skip }, () => {});
  });
} else {
  runPosixConformance({
    name: root,
    root,
    capabilities: MOUNT_DEPARTURES,
    limits: MOUNT_LIMITS,
  });
}
