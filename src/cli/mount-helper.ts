/**
 * The command lines that mount(8) and umount(8) give to their helpers.
 *
 *   mount.fuse.shoal  SOURCE DIRECTORY [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]
 *   umount.fuse.shoal DIRECTORY|SOURCE [-flnrv] [-N NAMESPACE] [-t TYPE]
 *
 * The program is called so when its first argument, or the name it was started by, is one of the two names.
 * Source: mount(8) and umount(8), "EXTERNAL HELPERS".
 */
import { basename } from "node:path";
import { UsageError } from "./usage-error.ts";

export const MOUNT_HELPER = "mount.fuse.shoal";
export const UMOUNT_HELPER = "umount.fuse.shoal";
type HelperName = typeof MOUNT_HELPER | typeof UMOUNT_HELPER;

export interface HelperCall {
  readonly name: HelperName;
  readonly args: readonly string[];
}

export interface MountHelperCall {
  readonly source: string;
  readonly directory: string;
  /** Each `-o`. */
  readonly options: readonly string[];
  /** `-s`: an option that nobody knows is no error. */
  readonly isSloppy: boolean;
  /** `-f`: everything but the mount itself. */
  readonly isFake: boolean;
  readonly isVerbose: boolean;
}

export interface UmountHelperCall {
  readonly target: string;
  readonly force: boolean;
  readonly lazy: boolean;
}

/** `startedAs` is the name by which the program was started. */
export function helperCall(startedAs: string, args: readonly string[]): HelperCall | undefined {
  const name = basename(startedAs);
  if (isHelperName(name)) return { name, args };
  const [first, ...rest] = args;
  return first !== undefined && isHelperName(first) ? { name: first, args: rest } : undefined;
}

/** Throws UsageError. */
export function parseMountHelper(args: readonly string[]): MountHelperCall {
  const { words, flags, values } = split(args, "sfnv", "Not");
  const [source, directory] = words;
  if (source === undefined || directory === undefined || words.length > 2) {
    throw new UsageError(`usage: ${MOUNT_HELPER} VOLUME DIR [-sfnv] [-o OPTIONS]`);
  }
  return {
    source,
    directory,
    options: values.get("o") ?? [],
    isSloppy: flags.has("s"),
    isFake: flags.has("f"),
    isVerbose: flags.has("v"),
  };
}

/** Throws UsageError. */
export function parseUmountHelper(args: readonly string[]): UmountHelperCall {
  const { words, flags } = split(args, "flnrv", "Not");
  const [target] = words;
  if (target === undefined || words.length > 1) {
    throw new UsageError(`usage: ${UMOUNT_HELPER} DIR [-flnrv]`);
  }
  if (flags.has("r")) {
    throw new UsageError(
      `${UMOUNT_HELPER}: -r (read-only when it cannot unmount) is not supported`,
    );
  }
  return { target, force: flags.has("f"), lazy: flags.has("l") };
}

interface SplitArguments {
  readonly words: readonly string[];
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** `flagLetters` stand alone, `valueLetters` take the rest of the word or the next one. */
function split(args: readonly string[], flagLetters: string, valueLetters: string): SplitArguments {
  const words: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string[]>();
  const queue = [...args];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (!word.startsWith("-") || word === "-") {
      words.push(word);
      continue;
    }
    for (let at = 1; at < word.length; at++) {
      const letter = word[at]!;
      if (flagLetters.includes(letter)) {
        flags.add(letter);
      } else if (valueLetters.includes(letter)) {
        const value = word.slice(at + 1) || queue.shift();
        if (value === undefined) throw new UsageError(`-${letter} needs a value`);
        values.set(letter, [...(values.get(letter) ?? []), value]);
        break;
      } else {
        throw new UsageError(`option not known: ${word}`);
      }
    }
  }
  return { words, flags, values };
}

function isHelperName(name: string): name is HelperName {
  return name === MOUNT_HELPER || name === UMOUNT_HELPER;
}
