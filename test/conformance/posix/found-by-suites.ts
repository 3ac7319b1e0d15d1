/** What suites from outside (docs/posix.md) found and nothing of ours had asked. Named by behaviour, not by suite. */
import assert from "node:assert/strict";
import { O_CREAT, O_RDWR } from "../../support/posix-constants.ts";
import { bytes } from "../../support/posix-actions.ts";
import { needing, type PosixSuite, posixSuite, type PosixTests } from "./posix-suite.ts";

const MIB = 1024 * 1024;

const seeking: PosixTests = {
  "a hole begins where a block does: programs learn its size from that": needing(
    "holes",
    ({ root, limits }) => {
      using file = root.open("f", O_CREAT | O_RDWR);
      const unit = limits.allocationUnit;
      file.truncate(MIB);
      file.write(0, bytes("first"));
      file.write(8 * unit + 10, bytes("middle"));
      assert.equal(file.seek("hole", 0), unit);
      assert.equal(file.seek("hole", 4), unit);
      assert.equal(file.seek("data", unit - 1), unit - 1);
      assert.equal(file.seek("data", unit), 8 * unit);
      assert.equal(file.seek("hole", 8 * unit + 1), 9 * unit);
      assert.equal(file.seek("data", 9 * unit - 1), 9 * unit - 1);
    },
  ),
  "the last hole begins at the end, in the middle of a block or not": needing(
    "holes",
    ({ root }) => {
      using file = root.open("f", O_CREAT | O_RDWR);
      file.write(MIB, bytes("tail"));
      assert.equal(file.seek("data", 0), MIB);
      assert.equal(file.seek("hole", MIB), MIB + 4);
    },
  ),
};

export const foundBySuitesSuite: PosixSuite = posixSuite("found by suites", {
  ...seeking,
});
