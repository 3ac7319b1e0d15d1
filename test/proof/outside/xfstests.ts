/**
 * xfstests on FUSE: its groups quick and auto, on two volumes with ACLs, mounted and unmounted by mount(8) with the helpers
 * of `shoal install-helpers`. Root, and the users the suite asks for (fsgqa, fsgqa2, 123456-fsgqa), are needed.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { demandSuccess, reasonNotToMount, runShoal } from "../../support/mount-fixture.ts";
import type { Proof, ProofResult, ProofRun } from "../proof.ts";
import { judge, placeOf, reasonWithout, runProgram, type SuiteReport } from "./outside-suite.ts";

const VARIABLE = "SHOAL_PROOF_XFSTESTS";
const HELPER = "/sbin/mount.fuse.shoal";
const SLICE = ["generic/093", "generic/184"];

/** docs/posix.md has the reasons in full. */
const KNOWN: Readonly<Record<string, string>> = {
  "generic/003": "the kernel: atime of reads that the page cache serves",
  "generic/079": "the kernel: opens are not told, so immutable is seen at the write",
  "generic/394": "the machine: ulimit may not be raised",
  "generic/424": "the kernel: FUSE_STATX drops the attributes",
  "generic/531": "the machine: ulimit may not be raised",
  "generic/564": "the machine: ulimit may not be raised",
  "generic/732": "a departure: a volume is mounted once",
};

export const XFSTESTS: readonly Proof[] = ["quick", "auto"].map((group): Proof => ({
  name: `outside/xfstests-${group}`,
  what: `xfstests -g ${group}, FSTYP=fuse`,
  reasonToSkip: () =>
    reasonWithout(VARIABLE, "check") ??
    (existsSync(HELPER) ? reasonNotToMount() : "wants `shoal install-helpers`"),
  run: (run) => runXfstests(run, group),
}));

async function runXfstests(run: ProofRun, group: string): Promise<ProofResult> {
  const { scratch, isSlice, say } = run;
  const options = join(scratch, "options");
  const bin = join(scratch, "bin");
  try {
    await prepare(scratch, options, bin);
    const { lines } = await runProgram({
      command: ["./check", ...(isSlice ? SLICE : ["-g", group])],
      cwd: placeOf(VARIABLE),
      env: { HOST_OPTIONS: options, RESULT_BASE: join(scratch, "results"), PATH: pathWith(bin) },
      say,
    });
    const failures: string[] = [];
    for (const name of ["test", "scratch"]) {
      await runShoal(["umount", join(scratch, name, "mnt")]);
      const { code, stdout } = await runShoal(["fsck", join(scratch, name, "volume")]);
      if (code !== 0) failures.push(`fsck of the ${name} volume: ${stdout}`);
    }
    const report = readXfstests(lines);
    return judge({ ...report, failures: [...report.failures, ...failures] }, "tests", KNOWN);
  } finally {
    for (const name of ["test", "scratch"]) {
      await runProgram({ command: ["umount", "-l", join(scratch, name, "mnt")], cwd: "/", say });
    }
    rmSync(bin, { recursive: true, force: true });
  }
}

async function prepare(scratch: string, options: string, bin: string): Promise<void> {
  for (const name of ["test", "scratch"]) {
    mkdirSync(join(scratch, name, "mnt"), { recursive: true });
    demandSuccess(await runShoal(["create", "--acl", join(scratch, name, "volume")]));
  }
  const mountOptions = (name: string): string =>
    `-oallow_other,dev,suid,state_dir=${join(scratch, name, "state")}`;
  const settings = {
    FSTYP: "fuse",
    FUSE_SUBTYP: ".shoal",
    TEST_DEV: `file://${join(scratch, "test", "volume")}`,
    TEST_DIR: join(scratch, "test", "mnt"),
    SCRATCH_DEV: `file://${join(scratch, "scratch", "volume")}`,
    SCRATCH_MNT: join(scratch, "scratch", "mnt"),
    TEST_FS_MOUNT_OPTS: mountOptions("test"),
    MOUNT_OPTIONS: mountOptions("scratch"),
  };
  const exports = Object.entries(settings).map(([key, value]) => `export ${key}="${value}"`);
  writeFileSync(options, `${exports.join("\n")}\n`);
  mkdirSync(bin);
  // The suite compares the type that df shows with FSTYP, and knows no subtypes.
  const df = `#!/bin/sh\nPATH=\${PATH#*:} df "$@" | sed 's/ fuse\\.shoal / fuse       /'\n`;
  writeFileSync(join(bin, "df"), df, { mode: 0o755 });
}

function pathWith(bin: string): string {
  return `${bin}:${process.env["PATH"]}`;
}

/**
 *    Ran: generic/001 generic/002
 *    Not run: generic/003
 *    Failures: generic/002
 *
 * "Ran" is each that was tried; what was not run is among them.
 */
export function readXfstests(lines: readonly string[]): SuiteReport {
  const named = (word: string): Set<string> =>
    new Set(
      lines
        .filter((line) => line.startsWith(`${word}: `))
        .flatMap((line) =>
          line
            .slice(word.length + 2)
            .trim()
            .split(/\s+/u),
        ),
    );
  const failures = named("Failures");
  const notRun = named("Not run");
  const ran = [...named("Ran")].filter((name) => !notRun.has(name));
  return {
    passed: ran.filter((name) => !failures.has(name)).length,
    failed: failures.size,
    failures: [...failures],
    skipped: notRun.size,
  };
}
