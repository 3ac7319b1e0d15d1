/** A bare repository with a history, the same for the same seed: git's own fast-import makes it. */
import { spawnSync } from "node:child_process";
import { pathOfFile, TextSource } from "./source-tree.ts";

const WHO = "Bench <bench@example.org>";
const BEGIN_S = 1_700_000_000;

export interface HistoryOptions {
  readonly fileCount: number;
  readonly commitCount: number;
  readonly changesPerCommit: number;
  readonly seed: number;
}

/** Makes it at `path`. */
export function makeGitHistory(
  path: string,
  { fileCount, commitCount, changesPerCommit, seed }: HistoryOptions,
): void {
  const source = new TextSource(seed);
  const parts: string[] = [];
  for (let commit = 0; commit < commitCount; commit++) {
    const message = `commit ${commit}`;
    const when = `${WHO} ${BEGIN_S + commit * 60} +0000`;
    parts.push(`commit refs/heads/main\nmark :${commit + 1}\ncommitter ${when}\n`);
    parts.push(`data ${message.length}\n${message}\n`);
    const count = commit === 0 ? fileCount : changesPerCommit;
    for (let i = 0; i < count; i++) {
      const text = source.next();
      const file = commit === 0 ? i : source.below(fileCount);
      parts.push(`M 644 inline ${pathOfFile(file)}\ndata ${text.length}\n${text}\n`);
    }
  }
  git(["init", "-q", "--bare", "-b", "main", path]);
  git(["-C", path, "fast-import", "--quiet"], parts.join(""));
  git(["-C", path, "repack", "-q", "-a", "-d"]);
}

/** The name of the commit that is `back` before the last. */
export function commitAt(path: string, back: number): string {
  return git(["-C", path, "rev-parse", `main~${back}`]).trim();
}

function git(args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync("git", args, {
    encoding: "utf8",
    ...(input === undefined ? {} : { input }),
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return stdout;
}
