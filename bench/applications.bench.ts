/**
 * What people do with a filesystem: archives, copies, git, npm, a search, a build. Peers unpack a smaller tree, and what
 * is done with trees is counted in files a second. Every input is made here from a seed, or is this clone's own.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeWorkDirectory } from "../test/support/mount-fixture.ts";
import { type Contender, PLACEMENTS } from "./contenders/contender.ts";
import { writeCProject } from "./support/c-project.ts";
import { runCommand, timeCommand, whenInstalled } from "./support/commands.ts";
import type { Work } from "./support/contest.ts";
import { forgetAll } from "./support/forget.ts";
import { commitAt, makeGitHistory } from "./support/git-history.ts";
import { pick, readMode } from "./support/mode.ts";
import { runTable } from "./support/run-table.ts";
import { type SourceTree, writeSourceTree } from "./support/source-tree.ts";

const mode = readMode();
const SEED = 1;
const PEER_SHARE = 0.125;
/** Depends on nothing. */
const SMALL_DEPENDENCY = "commander";
const ROOT = join(import.meta.dirname, "..");
const smallCount: number = pick(mode, 240, 11_400);
const largeCount: number = pick(mode, 480, 50_000);
/** SHOAL_BENCH_INPUTS keeps what is made here, so that the next full run need not make it again. */
const kept: string | undefined = mode.isFull ? process.env["SHOAL_BENCH_INPUTS"] : undefined;
const inputs: string = kept ?? makeWorkDirectory("bench-input");

interface Archive {
  readonly path: string;
  readonly tree: SourceTree;
}

async function main(): Promise<void> {
  const small = makeArchive("small", smallCount);
  const forPeers = makeArchive("peers", Math.round(smallCount * PEER_SHARE));
  const large = makeArchive("large", largeCount);
  const archiveOf = ({ isPeer }: Contender): Archive => (isPeer ? forPeers : small);
  const history = { fileCount: 3000, commitCount: 400, changesPerCommit: 20, seed: SEED };
  const smokeHistory = { ...history, fileCount: 100, commitCount: 10 };
  const git = whenInstalled("git", () => gitWorks(pick(mode, smokeHistory, history)));
  const npm = whenInstalled("npm", npmWorks);
  if (process.argv.includes("--inputs")) return;
  await runTable({
    name: "applications",
    placements: PLACEMENTS,
    peers: ["juicefs (sqlite)"],
    works: [
      ...treeWorks(archiveOf),
      ...largeTreeWorks(large),
      ...git,
      ...npm,
      ...whenInstalled("make", () => whenInstalled("cc", buildWorks)),
    ],
    notes: [
      `Trees: ${[small, large].map(({ tree }) => `${tree.fileCount} files, ${Math.round(tree.size / 1e6)} MB, hash ${tree.hash}`).join("; ")}; JuiceFS gets an eighth of the smaller one.`,
      "git: 3,000 files, 400 commits, cloned over file://. npm ci: this repository's own lock, offline, from a warm cache. make -j2: 80 units of C.",
    ],
  });
}

function makeArchive(name: string, fileCount: number): Archive {
  const root = join(inputs, name);
  const path = `${root}.tar`;
  const description = `${root}.json`;
  if (existsSync(description)) {
    return { path, tree: JSON.parse(readFileSync(description, "utf8")) as SourceTree };
  }
  const tree = writeSourceTree(root, fileCount, SEED);
  const options = ["--sort=name", "--mtime=2026-01-01", "--owner=0", "--group=0"];
  runOnDisk(["tar", "cf", path, ...options, "-C", root, "."]);
  rmSync(root, { recursive: true });
  writeFileSync(description, JSON.stringify(tree));
  return { path, tree };
}

/** A work that is counted in files a second. */
function files(
  name: string,
  run: (
    contender: Contender,
    directory: string,
  ) => Promise<{ seconds: number; count: number } | undefined>,
): Work {
  return {
    name,
    unit: "file",
    isRate: true,
    async run(contender, directory) {
      const done = await run(contender, directory);
      return done === undefined ? undefined : { value: done.count / done.seconds };
    },
  };
}

function seconds(
  name: string,
  run: (contender: Contender, directory: string) => Promise<number | undefined>,
): Work {
  return {
    name,
    unit: "s",
    isRate: false,
    async run(contender, directory) {
      const value = await run(contender, directory);
      return value === undefined ? undefined : { value };
    },
  };
}

function treeWorks(archiveOf: (contender: Contender) => Archive): Work[] {
  const timed = async (
    contender: Contender,
    command: readonly string[],
  ): Promise<{ seconds: number; count: number }> => ({
    seconds: await timeCommand(contender, command),
    count: archiveOf(contender).tree.fileCount,
  });
  return [
    files(`untar ${smallCount} files`, (contender, directory) => {
      mkdirSync(join(directory, "tree"));
      return timed(contender, [
        "tar",
        "xf",
        archiveOf(contender).path,
        "-C",
        join(directory, "tree"),
      ]);
    }),
    files("cp -a", (contender, directory) =>
      timed(contender, ["cp", "-a", join(directory, "tree"), join(directory, "copy")]),
    ),
    ...whenInstalled("rg", () => [
      files("ripgrep, warm", async (contender, directory) => {
        await runCommand(contender, searchIn(directory));
        return timed(contender, searchIn(directory));
      }),
      files("ripgrep, cold", async (contender, directory) => {
        await forgetAll(contender);
        return timed(contender, searchIn(directory));
      }),
    ]),
    files("rm -r", (contender, directory) =>
      timed(contender, ["rm", "-r", join(directory, "copy")]),
    ),
  ];
}

/** Counts a word that is in every file: exit code 0. */
function searchIn(directory: string): string[] {
  return ["rg", "--no-ignore", "--quiet", "--stats", "word", join(directory, "tree")];
}

function largeTreeWorks({ path, tree }: Archive): Work[] {
  return [
    files(`untar ${largeCount} files`, async (contender, directory) => {
      if (contender.isPeer) return undefined;
      const into = join(directory, "large");
      mkdirSync(into);
      return {
        seconds: await timeCommand(contender, ["tar", "xf", path, "-C", into]),
        count: tree.fileCount,
      };
    }),
    files(`rm -r of ${largeCount} files`, async (contender, directory) => {
      if (contender.isPeer) return undefined;
      return {
        seconds: await timeCommand(contender, ["rm", "-r", join(directory, "large")]),
        count: tree.fileCount,
      };
    }),
  ];
}

function gitWorks(history: Parameters<typeof makeGitHistory>[1]): Work[] {
  const origin = join(inputs, "origin.git");
  if (!existsSync(origin)) makeGitHistory(origin, history);
  const middle = commitAt(origin, history.commitCount >> 1);
  const clone = (directory: string): string => join(directory, "clone");
  return [
    seconds("git clone", (contender, directory) =>
      timeCommand(contender, ["git", "clone", "-q", `file://${origin}`, clone(directory)]),
    ),
    seconds("git status", (contender, directory) =>
      timeCommand(contender, ["git", "-C", clone(directory), "status", "--porcelain"]),
    ),
    seconds("git checkout of half the history back", (contender, directory) =>
      timeCommand(contender, ["git", "-C", clone(directory), "checkout", "-q", middle]),
    ),
  ];
}

/** This clone's dependencies, or one of them in a smoke run, into a directory that has only the manifest and the lock. */
function npmWorks(): readonly Work[] {
  const cache = join(inputs, "npm-cache");
  const manifest = join(inputs, "npm");
  rmSync(manifest, { recursive: true, force: true });
  if (mode.isFull) copyManifest(manifest);
  else writeSmallManifest(manifest);
  const install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", cache];
  try {
    if (!existsSync(cache)) runOnDisk(install, manifest);
  } catch (error) {
    console.log(`skipped: npm ci: ${(error as Error).message.slice(0, 200)}`);
    return [];
  }
  rmSync(join(manifest, "node_modules"), { recursive: true, force: true });
  return [
    seconds("npm ci", async (contender, directory) => {
      if (contender.isPeer) return undefined;
      const into = join(directory, "npm");
      cpSync(manifest, into, { recursive: true });
      const elapsed = await timeCommand(contender, [...install, "--offline"], { cwd: into });
      if (!existsSync(join(into, "node_modules", SMALL_DEPENDENCY)))
        throw new Error("nothing was installed");
      return elapsed;
    }),
  ];
}

function copyManifest(into: string): void {
  mkdirSync(join(into, "scripts"), { recursive: true });
  for (const name of ["package.json", "package-lock.json", "scripts/node-runtime"]) {
    cpSync(join(ROOT, name), join(into, name), { recursive: true });
  }
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

function writeSmallManifest(into: string): void {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as Lock;
  const path = `node_modules/${SMALL_DEPENDENCY}`;
  const found = lock.packages[path]!;
  const root = {
    name: "small",
    version: "1.0.0",
    dependencies: { [SMALL_DEPENDENCY]: found.version! },
  };
  const packages = { "": root, [path]: found };
  mkdirSync(into);
  writeFileSync(join(into, "package.json"), JSON.stringify(root));
  writeFileSync(
    join(into, "package-lock.json"),
    JSON.stringify({ ...root, lockfileVersion: 3, requires: true, packages }),
  );
}

function buildWorks(): Work[] {
  const project = join(inputs, "c-project");
  writeCProject(project, pick(mode, 4, 80), SEED);
  return [
    seconds("make -j2", async (contender, directory) => {
      const into = join(directory, "build");
      cpSync(project, into, { recursive: true });
      const elapsed = await timeCommand(contender, ["make", "-s", "-j2"], { cwd: into });
      await runCommand(contender, [join(into, "program")]);
      return elapsed;
    }),
  ];
}

function runOnDisk(command: readonly string[], cwd: string = inputs): void {
  const { status, stderr, error } = spawnSync(command[0]!, command.slice(1), {
    cwd,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${error?.message ?? stderr}`);
}

try {
  await main();
} finally {
  if (kept === undefined) rmSync(inputs, { recursive: true, force: true });
}
