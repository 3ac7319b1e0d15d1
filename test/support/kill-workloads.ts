/** Programs as people run them, over and over until told to stop, on a mount whose server is killed meanwhile. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CliResult, demandSuccess, runCommand } from "./mount-fixture.ts";
import { compareManifests, treeManifest } from "./tree-manifest.ts";

const ROOT = join(import.meta.dirname, "..", "..");
/** Folders of this repository: a few hundred source files. */
const SOURCES = ["src", "test", "scripts"];
const COMMIT_COUNT = 3;
const GIT_ENVIRONMENT = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "Shoal",
  GIT_AUTHOR_EMAIL: "shoal@example.com",
  GIT_COMMITTER_NAME: "Shoal",
  GIT_COMMITTER_EMAIL: "shoal@example.com",
};

/** One pass of work in an empty directory on the mount; throws when anything is not as it must be. */
export interface Workload {
  readonly name: string;
  pass(directory: string): Promise<void>;
  /** Looks again at what the last pass left, after a remount. */
  check(directory: string): Promise<void>;
}

/** Runs passes until `isOver`, one at least. Returns how many, and where the last one's result lies. */
export async function runPasses(
  workload: Workload,
  mountPoint: string,
  isOver: () => boolean,
): Promise<{ readonly count: number; readonly last: string }> {
  let last = "";
  for (let count = 1; ; count++) {
    const directory = join(mountPoint, `${workload.name}-${count}`);
    mkdirSync(directory);
    await workload.pass(directory);
    if (last !== "") rmSync(last, { recursive: true });
    last = directory;
    if (isOver()) return { count, last };
  }
}

/** `scratch` is a directory on another filesystem. */
export async function makeUntar(scratch: string): Promise<Workload> {
  const tree = join(scratch, "tree");
  const tarball = join(scratch, "tree.tar");
  for (const name of SOURCES) cpSync(join(ROOT, name), join(tree, name), { recursive: true });
  demandSuccess(await run(["tar", "-cf", tarball, "-C", tree, "."]));
  const expected = treeManifest(tree, { identity: false });
  const check = (directory: string): Promise<void> => {
    compareManifests(treeManifest(directory, { identity: false }), expected);
    return Promise.resolve();
  };
  return {
    name: "untar",
    check,
    async pass(directory) {
      demandSuccess(await run(["tar", "-xpf", tarball, "-C", directory]));
      await check(directory);
    },
  };
}

export async function makeGit(scratch: string): Promise<Workload> {
  const origin = join(scratch, "origin");
  mkdirSync(origin);
  demandSuccess(await git(origin, ["init", "-q", "-b", "main"]));
  for (let index = 0; index < COMMIT_COUNT; index++) {
    const name = SOURCES[index % SOURCES.length]!;
    cpSync(join(ROOT, name), join(origin, `${name}-${index}`), { recursive: true });
    demandSuccess(await git(origin, ["add", "-A"]));
    demandSuccess(await git(origin, ["commit", "-q", "-m", `part ${index}`]));
  }
  const check = async (directory: string): Promise<void> => {
    const clone = join(directory, "clone");
    demandSuccess(await git(clone, ["fsck", "--full", "--strict"]));
    const status = await git(clone, ["status", "--porcelain"]);
    demandSuccess(status);
    assert.equal(status.stdout, "", "nothing differs from what was committed");
  };
  return {
    name: "git",
    check,
    async pass(directory) {
      const clone = join(directory, "clone");
      demandSuccess(await git(directory, ["clone", "-q", `file://${origin}`, clone]));
      rmSync(join(clone, "src-0", "core"), { recursive: true });
      writeFileSync(join(clone, "new.txt"), "new\n");
      demandSuccess(await git(clone, ["add", "-A"]));
      demandSuccess(await git(clone, ["commit", "-q", "-m", "changed here"]));
      await check(directory);
    },
  };
}

function git(cwd: string, args: readonly string[]): Promise<CliResult> {
  return runCommand(["git", "-c", "gc.auto=0", ...args], {
    cwd,
    env: { ...process.env, ...GIT_ENVIRONMENT },
  });
}

function run(command: readonly string[]): Promise<CliResult> {
  return runCommand(command);
}
