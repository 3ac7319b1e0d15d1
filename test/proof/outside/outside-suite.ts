/**
 * What the drivers of suites from outside share: where a suite lies, running its programs, and what its result means.
 *
 * What always holds: a suite that ran nothing fails; a suite whose working directory is not on the mount fails; a failure
 * is known only by its exact name, with the reason beside it.
 */
import { spawn } from "node:child_process";
import { existsSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { MountFixture, reasonNotToMount } from "../../support/mount-fixture.ts";
import type { ProofResult } from "../proof.ts";

/** linux/magic.h FUSE_SUPER_MAGIC */
const FUSE_SUPER_MAGIC = 0x6573_5546;
/** The user "nobody", for suites that do not want root. */
export const NOBODY = 65_534;

export interface SuiteReport {
  /** How many passed and how many failed, of whatever the suite counts. */
  readonly passed: number;
  readonly failed: number;
  /** Names of what failed; one may stand for several that are counted. */
  readonly failures: readonly string[];
  /** What the suite itself left out. */
  readonly skipped?: number;
}

export interface SuiteCommand {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Runs as this user and group, with no other groups. */
  readonly uid?: number;
  readonly say: (line: string) => void;
}

export interface SuiteRun {
  readonly code: number | null;
  /** Of stdout and stderr, as they came. */
  readonly lines: readonly string[];
}

/** For `reasonToSkip`: a suite wants a mount, and somebody who says where it is, with `inside` in it. */
export function reasonWithout(variable: string, inside: string): string | undefined {
  const path = process.env[variable];
  if (path === undefined || path === "") return `${variable} does not say where ${inside} lies`;
  const wanted = join(path, inside);
  return existsSync(wanted) ? reasonNotToMount() : `${variable}: there is no ${wanted}`;
}

/** What `reasonWithout` demanded. */
export function placeOf(variable: string): string {
  const path = process.env[variable];
  if (path === undefined) throw new Error(`${variable} is not set`);
  return path;
}

/** A fresh volume, mounted so that other users, set-id programs and device nodes work. */
export function mountForSuite(name: string, create: readonly string[] = []): Promise<MountFixture> {
  return MountFixture.mounted({ name, create, mount: ["--allow-other", "-o", "dev,suid"] });
}

/** Runs a program for as long as it takes; each line is told. Throws when it would not work on a mount. */
export async function runSuite(suite: SuiteCommand): Promise<SuiteRun> {
  if (statfsSync(suite.cwd).type !== FUSE_SUPER_MAGIC) {
    throw new Error(`${suite.cwd} is not on the mount`);
  }
  return runProgram(suite);
}

/** As `runSuite`, for a program that is told elsewhere where the mount is. */
export async function runProgram(suite: SuiteCommand): Promise<SuiteRun> {
  const { command, cwd, env, uid, say } = suite;
  say(`$ ${command.join(" ")}`);
  const child = spawn(command[0]!, command.slice(1), {
    cwd,
    env: { ...process.env, LC_ALL: "C", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on("error", reject);
  child.on("close", resolve);
  const lines: string[] = [];
  const take = async (stream: Readable): Promise<void> => {
    for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
      lines.push(line);
      say(line);
    }
  };
  const [code] = await Promise.all([promise, take(child.stdout), take(child.stderr)]);
  say(`exit code ${code}`);
  return { code, lines };
}

/** Inode numbers rise, so two files of its own tell how many inodes were made between them. */
export async function countingInodes<T>(
  mountPoint: string,
  run: () => Promise<T>,
): Promise<{ readonly result: T; readonly inodeCount: number }> {
  const before = freshIno(mountPoint);
  const result = await run();
  return { result, inodeCount: freshIno(mountPoint) - before - 1 };
}

/** Known failures are counted, others returned; `noun` is what the suite counts. */
export function judge(
  report: SuiteReport,
  noun: string,
  known: Readonly<Record<string, string>> = {},
): ProofResult {
  const { passed, failed, failures, skipped = 0 } = report;
  const unknown = failures.filter((name) => known[name] === undefined);
  const knownCount = failures.length - unknown.length;
  if (passed === 0) unknown.push(`no ${noun} passed`);
  if (failed > 0 && failures.length === 0) unknown.push(`${failed} ${noun} failed without a name`);
  const parts = [`${(passed + failed).toLocaleString("en")} ${noun}`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (knownCount > 0) parts.push(`${knownCount} of them known`);
  if (skipped > 0) parts.push(`${skipped} not applicable`);
  return { counts: parts.join(", "), failures: unknown };
}

/** Unmounts and checks; for the end of each suite. */
export async function demandSound(fixture: MountFixture): Promise<void> {
  await fixture.umount();
  await fixture.demandClean();
}

function freshIno(mountPoint: string): number {
  const path = join(mountPoint, ".proof-ino");
  writeFileSync(path, "");
  const { ino } = statSync(path);
  rmSync(path);
  return ino;
}
