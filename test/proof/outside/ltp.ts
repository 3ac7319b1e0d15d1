/**
 * The Linux Test Project: its lists fs_perms_simple, fcntl-locktests and fs, and of its list syscalls what touches files.
 *
 * Each line of a list is a name and a command of the shell. We run them ourselves, with TMPDIR on the mount: it decides
 * where the tests work, and the suite's own runner does not hand it on. Exit codes are bits: include/tst_res_flags.h.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Proof, ProofResult, ProofRun } from "../proof.ts";
import {
  countingInodes,
  demandSound,
  judge,
  mountForSuite,
  placeOf,
  reasonWithout,
  runSuite,
  type SuiteReport,
} from "./outside-suite.ts";

const VARIABLE = "SHOAL_PROOF_LTP";
/** TCONF: the test cannot run here, and did not. */
const NOT_APPLICABLE = 32;
/** timeout(1) says this when it had to end a test. */
const TOO_LONG = 124;
const LIMIT_S = 1200;
const SLICE_COUNT = 5;

/** What the names of tests begin with, where digits and "_" follow. */
const FILE_CALLS = new Set(
  `access cachestat chdir chmod chown chroot close close_range copy_file_range creat dup execve execveat faccessat
  fallocate fchdir fchmod fchmodat fchown fchownat fcntl fdatasync fgetxattr file_attr flistxattr flock fpathconf
  fremovexattr fsetxattr fstat fstatat fstatfs fsync ftruncate futimesat getcwd getdents getxattr inotify inotify_init
  io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit ioctl lchown lgetxattr link linkat listxattr
  llistxattr llseek lremovexattr lseek lstat mkdir mkdirat mknod mknodat mmap msync munmap name_to_handle_at nftw open
  openat open_by_handle_at pathconf posix_fadvise pread preadv pwrite pwritev read readahead readdir readlink readlinkat
  readv realpath removexattr rename renameat rmdir sendfile setxattr splice stat statfs statvfs statx symlink symlinkat
  sync sync_file_range syncfs tee truncate umask unlink unlinkat ustat utime utimes utimensat vmsplice write
  writev`.split(/\s+/u),
);

/** Of metadata/ltp.json: the test mounts or formats a device of its own, so it says nothing of us. */
const OWN_DEVICE = ["needs_device", "mount_device", "format_device", "all_filesystems"];
/** Of the list fs: the rest works in /proc, /dev and /sys, or on a device of its own. */
const NOT_FILES =
  /^(?:proc|read_all|quota_remount|isofs|fs_fill|binfmt_misc|squashfs|fs_bind|doio|rwtest)/u;

const KNOWN: Readonly<Record<string, string>> = {
  fcntl35: "the capacity of a pipe; ext4 too",
  fcntl35_64: "the capacity of a pipe; ext4 too",
  getxattr05: "/proc/sys/user/max_user_namespaces may not be written on every machine",
  ioctl02: "a test of terminals, whose helper is built with the old shell tests; ext4 too",
};

export interface LtpTest {
  readonly name: string;
  readonly command: string;
}

export const LTP: readonly Proof[] = ["fs_perms_simple", "fcntl-locktests", "fs", "syscalls"].map(
  (list): Proof => ({
    name: `outside/ltp-${list.replaceAll("_", "-")}`,
    what: list === "syscalls" ? "LTP's syscalls that touch files" : `LTP's list ${list}`,
    reasonToSkip: () => reasonWithout(VARIABLE, join("runtest", list)),
    run: (run) => runLtp(run, list),
  }),
);

async function runLtp({ isSlice, say }: ProofRun, list: string): Promise<ProofResult> {
  const place = placeOf(VARIABLE);
  const tests = readList(readFileSync(join(place, "runtest", list), "utf8"), list).filter(
    ({ name }) => !testsWithDevice(place).has(name),
  );
  await using fixture = await mountForSuite("ltp", ["--acl"]);
  const work = join(fixture.mountPoint, "work");
  mkdirSync(work, { mode: 0o777 });
  const env = {
    LTPROOT: place,
    PATH: `${join(place, "testcases", "bin")}:${process.env["PATH"]}`,
    TMPDIR: work,
    LTP_TIMEOUT_MUL: "10",
  };
  const codes = new Map<string, number | null>();
  const { inodeCount } = await countingInodes(fixture.mountPoint, async () => {
    for (const { name, command } of isSlice ? tests.slice(0, SLICE_COUNT) : tests) {
      const limited = ["timeout", "-k", "10", String(LIMIT_S), "sh", "-c", command];
      const { code } = await runSuite({ command: limited, cwd: work, env, say });
      codes.set(name, code);
    }
  });
  if (inodeCount < codes.size / 2) throw new Error("the suite did not work on the mount");
  await demandSound(fixture);
  return judge(reportOf(codes), "tests", KNOWN);
}

/** Lines of a list of the suite; those that say nothing of files are left out. */
export function readList(text: string, list: string): LtpTest[] {
  return text.split("\n").flatMap((line) => {
    const match = /^([A-Za-z]\S*)\s+(\S.*)$/u.exec(line);
    if (match === null) return [];
    const name = match[1]!;
    if (list === "syscalls" && !FILE_CALLS.has(name.replace(/[0-9]+[0-9A-Za-z_]*$/u, "")))
      return [];
    if (list === "fs" && NOT_FILES.test(name)) return [];
    return [{ name, command: match[2]!.replaceAll(/(?<=\s)\/tmp\//gu, "$TMPDIR/") }];
  });
}

export function reportOf(codes: ReadonlyMap<string, number | null>): SuiteReport {
  const of = (isWanted: (code: number | null) => boolean): string[] =>
    [...codes].filter(([, code]) => isWanted(code)).map(([name]) => name);
  const failures = of((code) => code !== 0 && code !== NOT_APPLICABLE);
  return {
    passed: of((code) => code === 0).length,
    failed: failures.length,
    failures: failures.map((name) => (codes.get(name) === TOO_LONG ? `${name} (too long)` : name)),
    skipped: of((code) => code === NOT_APPLICABLE).length,
  };
}

function testsWithDevice(place: string): ReadonlySet<string> {
  const path = join(place, "metadata", "ltp.json");
  if (!existsSync(path)) throw new Error(`there is no ${path}: which tests format a device?`);
  const { tests } = JSON.parse(readFileSync(path, "utf8")) as {
    readonly tests: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  const names = Object.keys(tests).filter((name) =>
    OWN_DEVICE.some((key) => tests[name]![key] !== undefined),
  );
  return new Set(names);
}
