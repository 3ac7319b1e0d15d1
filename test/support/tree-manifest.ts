/** A whole tree as a map from paths to all that a user could see of each, to be compared with another. */
import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { LinuxDirectory } from "../conformance/posix/linux-directory.ts";
import { ROOT_CALLER } from "../conformance/posix/linux-context.ts";
import type { PosixDirectory } from "../conformance/posix/posix-directory.ts";
import { contentOf, namesOf } from "./posix-actions.ts";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "./posix-constants.ts";

export interface ManifestOptions {
  /** Inode numbers, owners, links and times too: what only the same volume has again. */
  readonly identity: boolean;
}

export function treeManifest(path: string, options: ManifestOptions): Map<string, string> {
  using opened = openDirectory(path);
  const manifest = new Map<string, string>();
  const visit = (at: string): void => {
    const { directory } = opened;
    const words = describe(directory, at, options);
    manifest.set(at, words);
    if ((directory.lstat(at).mode & S_IFMT) !== S_IFDIR) return;
    for (const name of namesOf(directory, at)) visit(at === "" ? name : `${at}/${name}`);
  };
  visit("");
  return manifest;
}

/** Throws naming the first difference. */
export function compareManifests(
  actual: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
): void {
  for (const [path, words] of expected) {
    const found = actual.get(path);
    if (found !== words) throw new Error(`"${path}" is ${found ?? "missing"}, not ${words}`);
  }
  for (const path of actual.keys()) {
    if (!expected.has(path)) throw new Error(`"${path}" should not be there`);
  }
}

/** The directory at `path` for the calls of test/conformance/posix; dispose closes it, once. */
export function openDirectory(path: string): Disposable & { readonly directory: LinuxDirectory } {
  const rootFd = openSync(path, "r");
  const directory = new LinuxDirectory({ rootFd, rootPath: path, caller: ROOT_CALLER });
  let isOpen = true;
  return {
    directory,
    [Symbol.dispose]() {
      if (isOpen) closeSync(rootFd);
      isOpen = false;
    },
  };
}

function describe(directory: PosixDirectory, at: string, options: ManifestOptions): string {
  const stat = directory.lstat(at);
  const type = stat.mode & S_IFMT;
  const words = [stat.mode.toString(8)];
  if (type === S_IFREG) {
    words.push(`${stat.size} bytes`);
    words.push(createHash("sha1").update(contentOf(directory, at)).digest("hex"));
  }
  if (type === S_IFLNK) words.push(`to ${directory.readlink(at)}`);
  if (!options.identity) return words.join(" ");
  const { ino, nlink, uid, gid, mtimeNs, ctimeNs, birthtimeNs } = stat;
  words.push(`ino ${ino} nlink ${nlink} ${uid}:${gid} m${mtimeNs} c${ctimeNs} b${birthtimeNs}`);
  for (const name of directory.xattrs.list(at, { follow: false }).sort()) {
    const value = directory.xattrs.get(at, name, { follow: false });
    words.push(`${name}=${Buffer.from(value).toString("hex")}`);
  }
  return words.join(" ");
}
