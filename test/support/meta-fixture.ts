/**
 * A metadata state to test operations on. Every operation that runs is encoded, and its record replayed on a second
 * state by the registry, as recovery would; `check` compares the two states table by table, and looks for what must
 * hold in any tree (link counts, parents, orphans, flags of xattrs, both rows of every entry).
 */
import assert from "node:assert/strict";
import { ByteReader } from "../../src/core/byte-reader.ts";
import { ByteWriter } from "../../src/core/byte-writer.ts";
import type { Timestamp } from "../../src/core/clock.ts";
import { FsError } from "../../src/core/fs-error.ts";
import { ROOT_INO, toIno, type Ino } from "../../src/core/ids.ts";
import { ACCESS_ACL_NAME, DEFAULT_ACL_NAME } from "../../src/meta/acl.ts";
import { FileType, InodeFlag, type Inode } from "../../src/meta/inode.ts";
import { MetaState, createRoot, type MetaStateOptions } from "../../src/meta/meta-state.ts";
import type { Caller, Operation } from "../../src/meta/operation.ts";
import { META_OPERATIONS, OpRegistry } from "../../src/meta/op-registry.ts";
import { create, type CreateArgs } from "../../src/meta/ops/create.ts";
import { SqliteTables } from "../../src/meta/sqlite/sqlite-tables.ts";
import { CAPABILITY_NAME } from "../../src/meta/xattr-store.ts";

export const RECORD_SIZE_MAX: number = 256 * 1024;

export interface MetaSide {
  state: MetaState;
  readonly tables: SqliteTables;
}

export function makeSide(options: Partial<MetaStateOptions> = {}): MetaSide {
  const tables = SqliteTables.create(":memory:");
  tables.begin();
  const state = new MetaState(tables, { acl: true, ...options });
  createRoot(state, { uid: 0, gid: 0, mode: 0o755, now: { sec: 1000, nsec: 1 } });
  return { state, tables };
}

/** Root in the eyes of a front end that leaves all checks to us. */
export function makeCaller(changes: Partial<Caller> = {}): Caller {
  const uid = changes.uid ?? 0;
  return {
    uid,
    gid: 0,
    pid: 1,
    umask: 0,
    groups: [],
    checkAccess: true,
    privileged: uid === 0,
    unique: 0,
    now: { sec: 2000, nsec: 5 },
    ...changes,
  };
}

export class MetaFixture {
  readonly live: MetaSide;
  readonly copy: MetaSide;
  readonly #registry = new OpRegistry(META_OPERATIONS);
  readonly #writer = new ByteWriter({ size: 64, start: 0, sizeMax: RECORD_SIZE_MAX });
  readonly #reader = new ByteReader();

  readonly #options: Partial<MetaStateOptions>;

  /** The copy has caches of the usual size. */
  constructor(options: Partial<MetaStateOptions> = {}) {
    this.#options = options;
    this.live = makeSide(options);
    this.copy = makeSide(options.acl === undefined ? {} : { acl: options.acl });
  }

  /** Commits, and begins again with nothing in memory. */
  restart(): void {
    const { state, tables } = this.live;
    state.flush();
    tables.commit();
    tables.begin();
    this.live.state = new MetaState(tables, { acl: true, ...this.#options });
  }

  get state(): MetaState {
    return this.live.state;
  }

  /** Prepares, applies, and replays the record on the copy. */
  run<Args, Result>(
    operation: Operation<MetaState, Args, Result>,
    args: Args,
    caller: Caller = makeCaller(),
  ): Result {
    const { state } = this;
    const result = operation.prepare(state, caller, args);
    this.#writer.reset();
    operation.encode(this.#writer, args, result);
    operation.apply(state, args, result);
    state.trickle();
    const record = Buffer.from(this.#writer.buffer.subarray(0, this.#writer.at));
    this.#registry
      .get(operation.kind, operation.version)
      .replay(this.copy.state, this.#reader.open(record, 0, record.length), operation.version);
    return result;
  }

  /** Asserts that it is refused with `code`, and that nothing changed. */
  refuses<Args, Result>(
    operation: Operation<MetaState, Args, Result>,
    args: Args,
    code: string,
    caller: Caller = makeCaller(),
  ): void {
    assert.throws(
      () => operation.prepare(this.state, caller, args),
      (error: unknown) => {
        assert.ok(error instanceof FsError, String(error));
        assert.equal(error.code, code, error.message);
        return true;
      },
    );
  }

  make(path: string, changes: Partial<CreateArgs> = {}, caller?: Caller): Ino {
    const { parent, name } = this.split(path);
    const args = { parent, name, mode: FileType.REGULAR | 0o644, rdev: 0, ...changes };
    return this.run(create, args, caller).ino;
  }

  makeDirectory(path: string, mode: number = 0o755, caller?: Caller): Ino {
    return this.make(path, { mode: FileType.DIRECTORY | mode }, caller);
  }

  /** Parent and last name of a path like "a/b/c", from the root. */
  split(path: string): { parent: Ino; name: string } {
    const names = path.split("/");
    const name = names.pop()!;
    return { parent: names.length === 0 ? ROOT_INO : this.ino(names.join("/")), name };
  }

  ino(path: string): Ino {
    let at = ROOT_INO;
    for (const name of path.split("/")) {
      const found = this.state.lookup(at, name);
      assert.ok(found, `${path} exists`);
      at = found.ino;
    }
    return at;
  }

  inode(path: string): Inode {
    return this.state.requireInode(this.ino(path));
  }

  exists(path: string): boolean {
    const { parent, name } = this.split(path);
    return this.state.lookup(parent, name) !== undefined;
  }

  /** Names of a directory in the order a reader sees them. */
  names(path?: string): string[] {
    const ino = path === undefined ? ROOT_INO : this.ino(path);
    return this.state.tables.dentries.list(ino, 0, 1000).map((entry) => entry.name);
  }

  check(): void {
    const live = dump(this.live);
    assert.deepEqual(dump(this.copy), live, "replay gives the same state");
    checkTree(this.live);
    checkTree(this.copy);
    assert.deepEqual(this.live.tables.integrityProblems(), []);
  }
}

export function at(sec: number, nsec: number = 0): Timestamp {
  return { sec, nsec };
}

/** All rows, after a flush. */
export function dump(side: MetaSide): Record<string, unknown[]> {
  side.state.flush();
  const rows: Record<string, unknown[]> = {};
  for (const [table, key] of Object.entries(TABLE_KEYS)) {
    rows[table] = side.tables.database.prepare(`SELECT * FROM ${table} ORDER BY ${key}`).all();
  }
  return rows;
}

const TABLE_KEYS = {
  inode: "ino",
  dentry: "parent, name",
  dirorder: "parent, cookie",
  symlink: "ino",
  xattr: "ino, name",
  slice: "ino, pos",
  pack: "id",
  orphan: "ino",
  plan: "pack",
  setting: "name",
};

/** What holds in every tree, read from the tables. */
function checkTree({ tables, state }: MetaSide): void {
  const inodes = tables.database.prepare("SELECT ino FROM inode").all() as { ino: number }[];
  const entries = tables.database.prepare("SELECT parent, name, target, cookie FROM dentry").all();
  const order = tables.database.prepare("SELECT parent, name, target, cookie FROM dirorder").all();
  assert.deepEqual(new Set(order.map(rowText)), new Set(entries.map(rowText)));
  const nameCount = new Map<number, number>();
  const childDirectoryCount = new Map<number, number>();
  const parentOf = new Map<number, number>([[ROOT_INO, ROOT_INO]]);
  for (const row of entries as { parent: number; target: number }[]) {
    const ino = Math.floor(row.target / 16);
    const inode = tables.inodes.get(toIno(ino));
    assert.ok(inode, `the entry's inode ${ino} exists`);
    assert.equal(inode.type >>> 12, row.target % 16, "the entry has its inode's type");
    nameCount.set(ino, (nameCount.get(ino) ?? 0) + 1);
    if (!inode.isDirectory()) continue;
    parentOf.set(ino, row.parent);
    childDirectoryCount.set(row.parent, (childDirectoryCount.get(row.parent) ?? 0) + 1);
  }
  const orphans = new Set(tables.orphans.list());
  assert.deepEqual(orphans, new Set(state.orphans));
  assert.equal(inodes.length, state.inodeCount);
  for (const { ino } of inodes) {
    const inode = tables.inodes.get(toIno(ino))!;
    const names = nameCount.get(ino) ?? 0;
    assert.equal(orphans.has(toIno(ino)), inode.nlink === 0, `orphan ${ino} has no links`);
    if (inode.isDirectory() && inode.nlink !== 0) {
      assert.equal(names, ino === ROOT_INO ? 0 : 1);
      assert.equal(inode.nlink, 2 + (childDirectoryCount.get(ino) ?? 0), `nlink of ${ino}`);
      assert.equal(inode.parent, parentOf.get(ino), `parent of ${ino}`);
      assert.ok(reachesRoot(ino, parentOf), `directory ${ino} hangs in the tree`);
    } else {
      assert.equal(inode.nlink, names, `nlink of ${ino}`);
    }
    assert.deepEqual(state.requireInode(toIno(ino)), inode, "what is in memory is in its row");
    checkXattrFlags(tables, inode);
  }
}

function checkXattrFlags(tables: SqliteTables, inode: Inode): void {
  const names = tables.xattrs.names(inode.ino);
  assert.equal(inode.has(InodeFlag.XATTR), names.length > 0);
  assert.equal(inode.has(InodeFlag.ACCESS_ACL), names.includes(ACCESS_ACL_NAME));
  assert.equal(inode.has(InodeFlag.DEFAULT_ACL), names.includes(DEFAULT_ACL_NAME));
  assert.equal(inode.has(InodeFlag.CAPABILITY), names.includes(CAPABILITY_NAME));
}

function reachesRoot(ino: number, parentOf: ReadonlyMap<number, number>): boolean {
  let current = ino;
  for (let steps = parentOf.size; steps >= 0; steps--) {
    if (current === ROOT_INO) return true;
    current = parentOf.get(current) ?? ROOT_INO;
  }
  return false;
}

function rowText(row: object): string {
  return JSON.stringify(row);
}
