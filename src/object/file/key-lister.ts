/**
 * The keys below a prefix in the order of their UTF-8 bytes, from a tree of directories.
 *
 * A directory `a` stands for the keys `a/…`, so it sorts as "a/" does: behind `a-b` and before `ab`. Only directories
 * that can hold a wanted key are read. A symbolic link or another odd file among the keys is refused and not skipped:
 * whoever collects garbage by a list must never take "I do not look there" for "nothing is there".
 */
import type { Dirent } from "node:fs";
import { CorruptError } from "../../core/fs-error.ts";
import { ObjectStoreError } from "../object-store.ts";
import { compareKeys } from "../object-key.ts";

export interface KeyListOptions {
  readonly prefix: string;
  readonly startAfter: string;
  /** The entries of a directory ("" is the root); undefined when there is none. */
  readonly read: (directory: string) => Promise<readonly Dirent[] | undefined>;
  /** Where the store is, for messages. */
  readonly root: string;
}

interface Candidate {
  /** The key, or what the keys in the directory begin with ("a/"). */
  readonly name: string;
  readonly isDirectory: boolean;
}

/** `startAfter` "" begins at the first key. */
export function listKeys(options: KeyListOptions): AsyncGenerator<string, void, undefined> {
  const { prefix } = options;
  const directory = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  return holdsNoKey(directory) ? nothing() : walk(directory, options);
}

/** `directory` ends in "/" or is "". */
async function* walk(
  directory: string,
  options: KeyListOptions,
): AsyncGenerator<string, void, undefined> {
  const entries = await options.read(directory.slice(0, -1));
  if (entries === undefined) return;
  const candidates: Candidate[] = [];
  for (const entry of entries) {
    const candidate = candidateOf(entry, directory, options);
    if (candidate !== undefined) candidates.push(candidate);
  }
  candidates.sort((a, b) => compareKeys(a.name, b.name));
  for (const { name, isDirectory } of candidates) {
    if (isDirectory) yield* walk(name, options);
    else yield name;
  }
}

function candidateOf(
  entry: Dirent,
  directory: string,
  options: KeyListOptions,
): Candidate | undefined {
  // The store's own: temporary files and the lock.
  if (directory === "" && entry.name.startsWith(".")) return undefined;
  const { prefix, startAfter } = options;
  const isDirectory = entry.isDirectory();
  const name = directory + entry.name + (isDirectory ? "/" : "");
  if (!name.startsWith(prefix) && !(isDirectory && prefix.startsWith(name))) return undefined;
  if (!isDirectory && !entry.isFile()) throw oddFileError(`${options.root}/${name}`, entry);
  // readdir gives U+FFFD for bytes that are no UTF-8; such a file has no key and cannot be opened by one.
  if (name.includes("\ufffd")) {
    throw new CorruptError(`${options.root}/${name} has a name that is not UTF-8: remove it`);
  }
  const isPast = compareKeys(name, startAfter) > 0 || (isDirectory && startAfter.startsWith(name));
  return isPast ? { name, isDirectory } : undefined;
}

function oddFileError(path: string, entry: Dirent): ObjectStoreError {
  const [code, what] = entry.isSymbolicLink()
    ? (["ELOOP", "a symbolic link, which a store never follows"] as const)
    : (["EIO", "no regular file"] as const);
  return new ObjectStoreError(code, `${path} is ${what}: remove it`, { retryable: false });
}

/** True when a key cannot begin so, because one of the whole segments is not allowed. */
function holdsNoKey(directory: string): boolean {
  if (directory === "") return false;
  const segments = directory.slice(0, -1).split("/");
  return segments[0]!.startsWith(".") || segments.some((s) => s === "" || s === "." || s === "..");
}

// oxlint-disable-next-line no-empty-function
async function* nothing(): AsyncGenerator<string, void, undefined> {}
