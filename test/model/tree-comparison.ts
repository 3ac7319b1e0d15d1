/**
 * Compares everything two filesystems hold: names, identities, attributes, contents, extended attributes, open files.
 *
 * Times: one that was set explicitly must be equal. All others must have the same order as in the model, which counts
 * commands instead of nanoseconds: where the model says that b changed after a, b's time may not be before a's.
 * An atime that was not set explicitly is not compared: a kernel clock's tick decides what relatime does.
 */
import assert from "node:assert/strict";
import type { PosixDirectory, PosixStat } from "../conformance/posix/posix-directory.ts";
import { contentOf, namesOf, readAll, text } from "../support/posix-actions.ts";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../support/posix-constants.ts";
import { type CommandRunner, dataWords, statWords } from "./command-runner.ts";

/** The model counts from here; all explicit times are before it. */
export const FIRST_COUNTED_NS: bigint = 1n << 60n;

interface Picture {
  readonly words: Map<string, string>;
  readonly stats: Map<string, PosixStat>;
}

interface Stamp {
  readonly what: string;
  readonly model: bigint;
  readonly subject: bigint;
}

/** Throws an assertion error that names the first difference. */
export function compareTrees(
  model: CommandRunner,
  subject: CommandRunner,
  options: { readonly compareAtime: boolean },
): void {
  const [expected, actual] = [pictureOf(model), pictureOf(subject)];
  assert.deepEqual([...actual.words.keys()], [...expected.words.keys()], "the names differ");
  for (const [path, words] of expected.words) assert.equal(actual.words.get(path), words, path);
  compareTimes(expected, actual, options.compareAtime);
}

function pictureOf(runner: CommandRunner): Picture {
  const picture: Picture = { words: new Map(), stats: new Map() };
  const firstPaths = new Map<number, string>();
  addTree(runner.root, "", picture, firstPaths);
  for (const [slot, file] of runner.openFiles()) {
    const name = `slot ${slot}`;
    const stat = file.stat();
    picture.stats.set(name, stat);
    const sameAs = firstPaths.get(stat.ino) ?? "nothing";
    firstPaths.set(stat.ino, firstPaths.get(stat.ino) ?? name);
    picture.words.set(name, `${statWords(stat)} same as ${sameAs} ${contentWords(file)}`);
  }
  return picture;
}

function contentWords(file: Parameters<typeof readAll>[0]): string {
  try {
    return dataWords(readAll(file));
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  }
}

function addTree(
  root: PosixDirectory,
  path: string,
  picture: Picture,
  firstPaths: Map<number, string>,
): void {
  const stat = root.lstat(path);
  const first = firstPaths.get(stat.ino);
  if (first === undefined) firstPaths.set(stat.ino, path);
  const words = [statWords(stat), xattrWords(root, path)];
  const type = stat.mode & S_IFMT;
  if (type === S_IFLNK) words.push(`to ${root.readlink(path)}`);
  if (type === S_IFREG) words.push(dataWords(contentOf(root, path)));
  if (first !== undefined) words.push(`same as ${first}`);
  // Times are taken after reading, in both alike.
  picture.stats.set(path, root.lstat(path));
  picture.words.set(path, words.join(" "));
  if (type !== S_IFDIR) return;
  for (const name of namesOf(root, path)) {
    addTree(root, path === "" ? name : `${path}/${name}`, picture, firstPaths);
  }
}

function xattrWords(root: PosixDirectory, path: string): string {
  const names = root.xattrs.list(path, { follow: false }).sort();
  return names
    .map((name) => `${name}=${text(root.xattrs.get(path, name, { follow: false }))}`)
    .join(" ");
}

function compareTimes(expected: Picture, actual: Picture, compareAtime: boolean): void {
  const stamps: Stamp[] = [];
  for (const [path, model] of expected.stats) {
    const subject = actual.stats.get(path)!;
    for (const time of ["mtimeNs", "ctimeNs"] as const) {
      if (model[time] < FIRST_COUNTED_NS) {
        assert.equal(subject[time], model[time], `${time} of "${path}"`);
      } else {
        const what = `${time} of "${path}"`;
        stamps.push({ what, model: model[time], subject: subject[time] });
      }
    }
    if (!compareAtime) continue;
    const isExplicit = model.atimeNs < FIRST_COUNTED_NS;
    if (isExplicit) assert.equal(subject.atimeNs, model.atimeNs, `atimeNs of "${path}"`);
    else assert.ok(subject.atimeNs > FIRST_COUNTED_NS, `atimeNs of "${path}" did not move`);
  }
  stamps.sort((a, b) => compare(a.model, b.model) || compare(a.subject, b.subject));
  for (const [index, stamp] of stamps.entries()) {
    const before = stamps[index - 1];
    if (before === undefined || before.subject <= stamp.subject) continue;
    assert.fail(`${stamp.what} is before ${before.what}, but changed after it`);
  }
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
