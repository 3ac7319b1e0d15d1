/**
 * Checks packs: each stored one is there, whole, and has every block that slices refer to; with `contents` every frame
 * is read and its checksum compared. A damaged block names the files it hurts.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { toPackId, type PackId } from "../../core/ids.ts";
import type { SqliteTables } from "../../meta/sqlite/sqlite-tables.ts";
import { PackState, type PackRow } from "../../meta/tables.ts";
import { FrameCache } from "../../pack/frame-cache.ts";
import { packKey } from "../../pack/pack-name.ts";
import { FilePackSource, PackReader, readPackIndexSync } from "../../pack/reader.ts";
import { BLOCK_SIZE_MAX } from "../../core/limits.ts";
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
  const rows = tables.packs.list();
  const buffer = Buffer.allocUnsafeSlow(BLOCK_SIZE_MAX);
  let packSize = 0;
  for (const [index, row] of rows.entries()) {
    options.signal.throwIfAborted();
    packSize += row.storedSize;
    if (row.state === PackState.PENDING) checkPlan(tables, row, problems);
    else checkStored(tables, row, problems, { ...options, buffer });
    if (index % 64 === 63) options.onProgress(`${index + 1} of ${rows.length} packs`);
  }
  return { packCount: rows.length, packSize };
}

function checkPlan(tables: SqliteTables, row: PackRow, problems: ProblemList): void {
  const isPlanned = tables.plans.list().some(({ pack }) => pack === row.id);
  if (!isPlanned) problems.add(`pack ${row.id}`, "is not stored yet and has no plan");
}

function checkStored(
  tables: SqliteTables,
  row: PackRow,
  problems: ProblemList,
  options: PackCheckOptions & { readonly buffer: Buffer },
): void {
  const subject = `pack ${row.id}`;
  const path = join(options.root, packKey(options.timeline, row.id));
  // A dead pack whose object is deleted already waits only for its row to go.
  if (row.refCount === 0) return;
  if (!existsSync(path)) {
    problems.add(subject, `${path} is missing; it holds data of ${hurtFiles(tables, row.id)}`);
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
    checkReferences(tables, row.id, index.plainLengths, problems);
    if (!options.contents) return;
    const frames = new FrameCache(0);
    const reader = new PackReader(index, source, frames, frames.newReaderKey());
    readBlocks(tables, row.id, reader, { problems, buffer: options.buffer });
  } catch (error) {
    problems.add(subject, `${message(error)}; it holds data of ${hurtFiles(tables, row.id)}`);
  }
}

function checkReferences(
  tables: SqliteTables,
  pack: PackId,
  plainLengths: ArrayLike<number>,
  problems: ProblemList,
): void {
  for (const { ino, row } of tables.slices.referencing(pack)) {
    const length = plainLengths[row.index];
    if (length === undefined || row.offset + row.length > length) {
      problems.add(`inode ${ino}`, `refers to block ${row.index} of pack ${pack} beyond its end`);
    }
  }
}

function readBlocks(
  tables: SqliteTables,
  pack: PackId,
  reader: PackReader,
  options: { readonly problems: ProblemList; readonly buffer: Buffer },
): void {
  const { index } = reader;
  for (let block = 0; block < index.blockCount; block++) {
    try {
      reader.readBlockSync(block, 0, index.plainLengths[block]!, options.buffer, 0);
    } catch (error) {
      options.problems.add(
        `pack ${pack}`,
        `${message(error)}; it holds data of ${hurtFiles(tables, pack, block)}`,
      );
    }
  }
}

/** Who is hurt: inodes, a few by number. */
function hurtFiles(tables: SqliteTables, pack: PackId, block?: number): string {
  const inos = new Set<number>();
  for (const { ino, row } of tables.slices.referencing(toPackId(pack))) {
    if (block === undefined || row.index === block) inos.add(ino);
  }
  const first = [...inos].slice(0, 5).join(", ");
  return inos.size === 0 ? "no file" : `${inos.size} files (inode ${first})`;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
