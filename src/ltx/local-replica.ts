/**
 * The LTX files below directories of a local disk: replicas as Litestream lays them out (either layout), the directories of
 * LiteFS, and plain folders of files.
 *
 * A directory says a file's level by its name (`9`, `0009`); where it says none the level is 0. In a directory only names
 * of LTX files count, and they must fit the headers: a file with another's name would be restored in its place.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CorruptError, FsError } from "../core/fs-error.ts";
import { wrapSystemError } from "../core/system-error.ts";
import { parseLtxFileName } from "./file-name.ts";
import { localLtxSource } from "./local-source.ts";
import { type LtxEnds, type RangedSource, readLtxEnds } from "./ranged-file.ts";
import type { LeveledRange } from "./replica-layout.ts";
import type { ReplicaFile } from "./restore/restore-plan.ts";

/** `<replica>/ltx/<level>/<file>` is the deepest. */
const DEPTH_MAX = 3;
const LEVEL_NAME = /^(?:000)?([0-9])$/;

export interface LocalLtxFile extends ReplicaFile {
  readonly source: RangedSource;
  readonly ends: LtxEnds;
}

/** The paths of the LTX files that `paths`, files and directories, stand for. Throws ENOENT when a directory holds none. */
export async function findLtxPaths(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    if (!(await isDirectory(path))) {
      found.push(path);
      continue;
    }
    const inside = await pathsBelow(path, DEPTH_MAX);
    if (inside.length === 0) {
      const hint = "A replica's directory is the one with ltx/ or 0000/ in it";
      throw new FsError("ENOENT", `${path}: holds no LTX file\n${hint}`);
    }
    found.push(...inside);
  }
  return found;
}

/** Reads the beginning and the end of the file. CorruptError when they are not an LTX file's, or not of the one its name says. */
export async function readLocalLtx(path: string): Promise<LocalLtxFile> {
  const source = await localLtxSource(path);
  const ends = await readLtxEnds(source);
  const { minTxid, maxTxid, timestampMs } = ends.header;
  const named = parseLtxFileName(basename(path));
  if (named !== undefined && (named.minTxid !== minTxid || named.maxTxid !== maxTxid)) {
    throw new CorruptError(
      `${path}: holds the TXIDs ${minTxid} to ${maxTxid}, not those of its name`,
    );
  }
  return { level: levelOf(path), minTxid, maxTxid, timestampMs, source, ends };
}

/** What the name of a file alone says, for one that cannot be read; undefined when it is no LTX file's name. */
export function namedLtx(path: string): LeveledRange | undefined {
  const range = parseLtxFileName(basename(path));
  return range === undefined ? undefined : { level: levelOf(path), ...range };
}

function levelOf(path: string): number {
  return Number(LEVEL_NAME.exec(basename(dirname(path)))?.[1] ?? 0);
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw wrapSystemError(error, path);
  }
}

async function pathsBelow(directory: string, depth: number): Promise<string[]> {
  const found: string[] = [];
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(directory, entry.name);
      if (entry.isDirectory() && depth > 1) found.push(...(await pathsBelow(path, depth - 1)));
      else if (parseLtxFileName(entry.name) !== undefined) found.push(path);
    }
  } catch (error) {
    throw wrapSystemError(error, directory);
  }
  return found;
}
