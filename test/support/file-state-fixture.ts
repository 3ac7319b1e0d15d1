/** A FileState over tables in memory, with a journal and packs that are not there: for what touches rows alone. */
import { create } from "../../src/meta/ops/create.ts";
import { FileType, type Inode } from "../../src/meta/inode.ts";
import { ROOT_INO } from "../../src/core/ids.ts";
import type { SqliteTables } from "../../src/meta/sqlite/sqlite-tables.ts";
import { FileState } from "../../src/vfs/file-state.ts";
import { makeCaller, makeSide } from "./meta-fixture.ts";

export interface FileStateFixture {
  readonly state: FileState;
  readonly tables: SqliteTables;
}

export function makeFileState(): FileStateFixture {
  const { state: meta, tables } = makeSide();
  const unreachable = (): never => {
    throw new Error("no bytes are read here");
  };
  const state = new FileState({
    meta,
    journal: { readData: unreachable },
    blocks: { readBlock: unreachable, forget: () => {} },
    cut: 1,
  });
  return { state, tables };
}

/** A new file in the root. */
export function addFile({ state }: FileStateFixture, name: string): Inode {
  const args = { parent: ROOT_INO, name, mode: FileType.REGULAR | 0o644, rdev: 0 };
  const result = create.prepare(state.meta, makeCaller(), args);
  create.apply(state.meta, args, result);
  return state.meta.requireInode(result.ino);
}
