/**
 * Checks packs: each stored one is there, whole, and has every block that slices refer to; with `contents` every frame
 * is read and its checksum compared. A damaged block names the files it hurts.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { PackId } from "../../core/ids.ts";
import type { SqliteTables } from "../../meta/sqlite/sqlite-tables.ts";
import { PackState, type PackRow } from "../../meta/tables.ts";
import { FrameCache } from "../../pack/frame-cache.ts";
import { packKey } from "../../pack/pack-name.ts";
import { FilePackSource, PackReader, readPackIndexSync } from "../../pack/reader.ts";
import { BLOCK_SIZE_MAX } from "../../core/limits.ts";
import { PackReferences, type PackReference } from "./pack-references.ts";
import type { ProblemList } from "./problem.ts";

export interface PackCheckOptions {
  /** The store's directory. */
  readonly root: string;
  readonly uuid: string;
  readonly timeline: string;
  /** Read every byte. */
  readonly contents: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
}

export interface PackTotals {
  readonly packCount: number;
  readonly packSize: number;
}

export function checkPacks(
  tables: SqliteTables,
  problems: ProblemList,
  options: PackCheckOptions,
): PackTotals {
  const rows = tables.packs.list().sort((a, b) => a.id - b.id);
  const planned = new Set(tables.plans.list().map(({ pack }) => pack));
  const references = new PackReferences(tables);
  const buffer = Buffer.allocUnsafeSlow(BLOCK_SIZE_MAX);
  let packSize = 0;
  for (const [index, row] of rows.entries()) {
    options.signal.throwIfAborted();
    packSize += row.storedSize;
    const found = references.of(row.id);
    if (row.state !== PackState.PENDING) checkStored(row, found, problems, { ...options, buffer });
    else if (!planned.has(row.id))
      problems.add(`pack ${row.id}`, "is not stored yet and has no plan");
    if (index % 64 === 63) options.onProgress(`${index + 1} of ${rows.length} packs`);
  }
  return { packCount: rows.length, packSize };
}

function checkStored(
  row: PackRow,
  references: readonly PackReference[],
  problems: ProblemList,
  options: PackCheckOptions & { readonly buffer: Buffer },
): void {
  const subject = `pack ${row.id}`;
  const path = join(options.root, packKey(options.timeline, row.id));
  // A dead pack whose object is deleted already waits only for its row to go.
  if (row.refCount === 0) return;
  if (!existsSync(path)) {
    problems.add(subject, `${path} is missing; it holds data of ${hurtFiles(references)}`);
    return;
  }
  const { size } = statSync(path);
  if (size !== row.storedSize) {
    problems.add(subject, `${path} has ${size} bytes, ${row.storedSize} were stored`);
  }
  try {
    using source = new FilePackSource(path);
    const identity = { volume: options.uuid, timeline: options.timeline, pack: row.id };
    const index = readPackIndexSync(source, identity);
    checkReferences(row.id, references, index.plainLengths, problems);
    if (!options.contents) return;
    const frames = new FrameCache(0);
    const reader = new PackReader(index, source, frames, frames.newReaderKey());
    readBlocks(row.id, references, reader, { problems, buffer: options.buffer });
  } catch (error) {
    problems.add(subject, `${message(error)}; it holds data of ${hurtFiles(references)}`);
  }
}

function checkReferences(
  pack: PackId,
  references: readonly PackReference[],
  plainLengths: ArrayLike<number>,
  problems: ProblemList,
): void {
  for (const { ino, index, end } of references) {
    const length = plainLengths[index];
    if (length === undefined || end > length) {
      problems.add(`inode ${ino}`, `refers to block ${index} of pack ${pack} beyond its end`);
    }
  }
}

function readBlocks(
  pack: PackId,
  references: readonly PackReference[],
  reader: PackReader,
  options: { readonly problems: ProblemList; readonly buffer: Buffer },
): void {
  const { index } = reader;
  for (let block = 0; block < index.blockCount; block++) {
    try {
      reader.readBlockSync(block, 0, index.plainLengths[block]!, options.buffer, 0);
    } catch (error) {
      const hurt = hurtFiles(references.filter((reference) => reference.index === block));
      options.problems.add(`pack ${pack}`, `${message(error)}; it holds data of ${hurt}`);
    }
  }
}

/** Who is hurt: inodes, a few by number. */
function hurtFiles(references: readonly PackReference[]): string {
  const inos = new Set(references.map(({ ino }) => ino));
  const first = [...inos].slice(0, 5).join(", ");
  return inos.size === 0 ? "no file" : `${inos.size} files (inode ${first})`;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
