/** What suites print, by their own words, is read rightly: a suite that fails, or ran nothing, never passes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readList, reportOf } from "./ltp.ts";
import { judge } from "./outside-suite.ts";
import { readProve } from "./prove-report.ts";
import { readThreads, readVeryquick } from "./sqlite-suite.ts";
import { readStressNg } from "./stress-ng.ts";
import { readXfstests } from "./xfstests.ts";

describe("what a suite's counts mean", () => {
  it("fails when nothing passed", () => {
    const { failures } = judge({ passed: 0, failed: 0, failures: [] }, "tests");
    assert.deepEqual(failures, ["no tests passed"]);
  });

  it("fails when something failed that nobody named", () => {
    const { failures } = judge({ passed: 5, failed: 2, failures: [] }, "tests");
    assert.deepEqual(failures, ["2 tests failed without a name"]);
  });

  it("counts what is known and returns what is not", () => {
    const report = { passed: 1000, failed: 2, failures: ["a", "b"], skipped: 3 };
    assert.deepEqual(judge(report, "tests", { a: "the machine" }), {
      counts: "1,002 tests, 2 failed, 1 of them known, 3 not applicable",
      failures: ["b"],
    });
  });
});

describe("what suites print", () => {
  it("prove: names each failed test and each file that ended badly", () => {
    const lines = [
      "/s/tests/open/01.t .. ok",
      "Test Summary Report",
      "-------------------",
      "/s/tests/rename/00.t (Wstat: 0 Tests: 150 Failed: 3)",
      "  Failed tests:  49, 53-54",
      "/s/tests/link/00.t (Wstat: 256 (exited 1) Tests: 7 Failed: 0)",
      "  Non-zero exit status: 1",
      "  Parse errors: Bad plan.  You planned 202 tests but ran 7.",
      "Files=238, Tests=8827, 90 wallclock secs ( 2.42 usr  0.60 sys)",
      "Result: FAIL",
    ];
    const report = readProve(lines, "/s/tests/");
    assert.deepEqual(report.failures, [
      "rename/00.t 49",
      "rename/00.t 53",
      "rename/00.t 54",
      "link/00.t ended badly",
      "link/00.t:Parse errors: Bad plan.  You planned 202 tests but ran 7.",
    ]);
    assert.deepEqual([report.fileCount, report.passed, report.failed], [238, 8824, 3]);
  });

  it("SQLite: names what failed, and takes an end without a summary for nothing", () => {
    const lines = [
      "select1-1.1... Ok",
      "2 errors out of 255018 tests on host Linux 64-bit little-endian",
      "!Failures on these tests: oserror-1.1.1 oserror-1.1.2",
    ];
    assert.deepEqual(readVeryquick(lines), {
      passed: 255_016,
      failed: 2,
      failures: ["oserror-1.1.1", "oserror-1.1.2"],
    });
    assert.equal(readVeryquick(["select1-1.1... Ok"]).passed, 0);
    assert.deepEqual(readThreads(["0 errors out of 12 tests"]).passed, 12);
    assert.deepEqual(readThreads(["3 errors out of 12 tests"]).failures, ["3 errors"]);
  });

  it("xfstests: what was not run is among what was tried", () => {
    const lines = [
      "Ran: generic/001 generic/002 generic/003",
      "Not run: generic/002",
      "Failures: generic/003",
      "Failed 1 of 3 tests",
    ];
    assert.deepEqual(readXfstests(lines), {
      passed: 1,
      failed: 1,
      failures: ["generic/003"],
      skipped: 1,
    });
  });

  it("stress-ng: the stressors of each kind, and the end of the run", () => {
    const lines = [
      "stress-ng: info:  [7] dispatching hogs: 2 access, 2 copy-file, 2 xattr",
      "stress-ng: info:  [7] dispatching hogs: 2 binderfs",
      "stress-ng: info:  [9] binderfs: binderfs not supported, errno=19, skipping stress test",
      "stress-ng: fail:  [8] xattr: fgetxattr failed, errno=2 (No such file or directory)",
      "stress-ng: fail:  [9] xattr: fgetxattr failed, errno=2 (No such file or directory)",
    ];
    const good = [...lines.slice(0, 3), "stress-ng: info:  [7] successful run completed in 1.50s"];
    assert.deepEqual(readStressNg(good), { passed: 3, failed: 0, failures: [], skipped: 1 });
    const bad = [...lines, "stress-ng: info:  [7] unsuccessful run completed in 1.50s"];
    assert.deepEqual(readStressNg(bad), {
      passed: 2,
      failed: 2,
      failures: ["xattr", "no successful run completed"],
      skipped: 1,
    });
  });

  it("LTP: takes tests that touch files, on the mount, and codes by their bits", () => {
    const list = "# a comment\nlink02 link02\nfork01 fork01\npreadv201_64 preadv201_64\n";
    assert.deepEqual(
      readList(list, "syscalls").map(({ name }) => name),
      ["link02", "preadv201_64"],
    );
    const locks = readList("LOCKS locktests -n 100 -f /tmp/testfile\n", "fcntl-locktests");
    assert.equal(locks[0]!.command, "locktests -n 100 -f $TMPDIR/testfile");
    const codes = new Map([
      ["good", 0],
      ["elsewhere", 32],
      ["bad", 33],
      ["hung", 124],
    ]);
    assert.deepEqual(reportOf(codes), {
      passed: 1,
      failed: 2,
      failures: ["bad", "hung (too long)"],
      skipped: 1,
    });
  });
});
