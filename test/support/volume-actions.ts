/**
 * Seeded random operations, each run on a volume's executor and on the model. Only operations that must succeed are
 * chosen; refusals have tests of their own.
 */
import assert from "node:assert/strict";
import { FsError } from "../../src/core/fs-error.ts";
import { toIno, type Ino } from "../../src/core/ids.ts";
import { BLOCK_SIZE_MAX } from "../../src/core/limits.ts";
import type { Prng } from "../../src/core/prng.ts";
import { FileType } from "../../src/meta/inode.ts";
import type { Caller } from "../../src/meta/operation.ts";
import { create } from "../../src/meta/ops/create.ts";
import { link } from "../../src/meta/ops/link.ts";
import { removexattr } from "../../src/meta/ops/removexattr.ts";
import { rename } from "../../src/meta/ops/rename.ts";
import { rmdir } from "../../src/meta/ops/rmdir.ts";
import { setxattr } from "../../src/meta/ops/setxattr.ts";
import { unlink } from "../../src/meta/ops/unlink.ts";
import { copyRange } from "../../src/vfs/ops/copy-range.ts";
import { fallocate, FallocateMode } from "../../src/vfs/ops/fallocate.ts";
import { reap } from "../../src/vfs/ops/reap.ts";
import { rewrite } from "../../src/vfs/ops/rewrite.ts";
import { setattr } from "../../src/vfs/ops/setattr.ts";
import { ZERO_PACK } from "../../src/vfs/pack-book.ts";
import type { VolumeCore } from "../../src/volume/volume-core.ts";
import { ModelNode, ROOT, type VolumeModel } from "./volume-model.ts";

const PAGE = 4096;

export interface ActionLimits {
  /** Bytes of one write at most. */
  readonly writeSizeMax: number;
  /** Files grow to about this. */
  readonly fileSizeMax: number;
  readonly fileCountMax: number;
}

/** Files reach over a block boundary, and one write over several pages. */
export const USUAL_LIMITS: ActionLimits = {
  writeSizeMax: 48 * 1024,
  fileSizeMax: BLOCK_SIZE_MAX + 300_000,
  fileCountMax: 24,
};

type Action = (actions: VolumeActions) => boolean;

export class VolumeActions {
  readonly prng: Prng;
  readonly model: VolumeModel;
  readonly limits: ActionLimits;
  core: VolumeCore;
  /** What was done last, for messages. */
  last = "";
  #nameCount = 0;
  #unique = 1;

  constructor(parts: {
    readonly prng: Prng;
    readonly model: VolumeModel;
    readonly core: VolumeCore;
    readonly limits?: ActionLimits;
  }) {
    this.prng = parts.prng;
    this.model = parts.model;
    this.core = parts.core;
    this.limits = parts.limits ?? USUAL_LIMITS;
  }

  /**
   * One operation, on both. `makeRoom` is called, and the operation tried again, when the journal is full; without it
   * ENOSPC comes through.
   */
  step(makeRoom?: () => void): void {
    for (;;) {
      const action = ACTIONS[this.prng.below(ACTIONS.length)]!;
      try {
        if (action(this)) return;
      } catch (error) {
        if (!isFull(error) || makeRoom === undefined) throw error;
        makeRoom();
      }
    }
  }

  /** A new file in the root, with a few bytes. */
  makeFile(): void {
    const name = this.freshName();
    const mode = FileType.REGULAR | 0o600;
    const args = { parent: toIno(ROOT), name, mode, rdev: 0 };
    const { ino } = this.core.executor.runMeta(create, this.caller(), args);
    const node = new ModelNode(ino, mode);
    this.model.add(this.model.node(ROOT), name, node);
    this.writeTo(node, 0, this.data(1 + this.prng.below(20)));
  }

  /** A few bytes to nearly every file, so that very many are dirty at once. `makeRoom` is as for `step`. */
  writeToMany(makeRoom: () => void): void {
    this.last = "write to many";
    for (const node of this.model.files()) {
      if (this.prng.below(10) === 0) continue;
      const offset = this.prng.below(node.content.size + 1);
      try {
        this.writeTo(node, offset, this.data(1 + this.prng.below(9)));
      } catch (error) {
        if (!isFull(error)) throw error;
        makeRoom();
      }
    }
  }

  writeTo(node: ModelNode, offset: number, data: Buffer): void {
    const buffer = Buffer.concat([Buffer.alloc(80), data]);
    const request = { ino: toIno(node.ino), offset, length: data.length };
    const flags = { append: false, killSuidgid: false };
    this.core.executor.write(this.caller(), { ...request, ...flags }, buffer, 0);
    node.content.write(offset, data);
    node.touch();
  }

  caller(): Caller {
    return { ...this.core.caller(), umask: 0, unique: (this.#unique += 2) };
  }

  freshName(): string {
    return `n${++this.#nameCount}`;
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from.length === 0 ? undefined : from[this.prng.below(from.length)];
  }

  /** A position in or a little behind a file, often at a place where something begins or ends. */
  position(size: number): number {
    const { prng, limits } = this;
    const kind = prng.below(6);
    if (kind === 0) return size;
    if (kind === 1)
      return BLOCK_SIZE_MAX * prng.below(3) + prng.below(3 * PAGE) - PAGE * prng.below(2);
    if (kind === 2) return prng.below(limits.fileSizeMax);
    if (kind === 3) return PAGE * prng.below(1 + Math.ceil(size / PAGE));
    return prng.below(size + 1);
  }

  data(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    if (this.prng.below(4) === 0) bytes.fill(this.prng.below(256));
    else this.prng.fill(bytes);
    return bytes;
  }

  run<Args, Result>(
    operation: Parameters<VolumeCore["executor"]["runFile"]>[0],
    args: Args,
  ): Result {
    return this.core.executor.runFile(operation, this.caller(), args) as Result;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof FsError && error.code === "ENOSPC";
}

function makeNode(actions: VolumeActions): boolean {
  const { model, prng, core, limits } = actions;
  if (model.nodes.size > limits.fileCountMax) return false;
  const parent = actions.pick(model.directories())!;
  const types = [FileType.REGULAR, FileType.REGULAR, FileType.DIRECTORY, FileType.SYMLINK];
  const type = types[prng.below(types.length)]!;
  const isLink = type === FileType.SYMLINK;
  const name = actions.freshName();
  const mode = type | (isLink ? 0o777 : 0o600 | prng.below(0o100));
  const args = { parent: toIno(parent.ino), name, mode, rdev: 0 };
  const target = `to ${name}`;
  const { ino } = core.executor.runMeta(
    create,
    actions.caller(),
    isLink ? { ...args, target } : args,
  );
  const node = new ModelNode(ino, mode);
  if (isLink) node.target = target;
  model.add(parent, name, node);
  actions.last = `create ${name} ${ino}`;
  return true;
}

function makeUnnamed(actions: VolumeActions): boolean {
  const { model, core, limits } = actions;
  if (model.nodes.size > limits.fileCountMax) return false;
  const mode = FileType.REGULAR | 0o600;
  const args = { parent: toIno(ROOT), name: undefined, mode, rdev: 0 };
  const { ino } = core.executor.runMeta(create, actions.caller(), args);
  model.nodes.set(ino, new ModelNode(ino, mode));
  actions.last = `tmpfile ${ino}`;
  return true;
}

function write(actions: VolumeActions): boolean {
  const { model, prng, limits, core } = actions;
  const node = actions.pick(model.files());
  if (node === undefined) return false;
  const append = prng.below(5) === 0;
  const offset = append ? node.content.size : Math.max(0, actions.position(node.content.size));
  const length = 1 + prng.below(prng.below(3) === 0 ? limits.writeSizeMax : 5000);
  const data = actions.data(length);
  const buffer = Buffer.concat([Buffer.alloc(80), data]);
  const request = { ino: toIno(node.ino), offset, length, append, killSuidgid: false };
  core.executor.write(actions.caller(), request, buffer, 0);
  node.content.write(offset, data);
  node.touch();
  actions.last = `write ${node.ino} ${offset}+${length}`;
  return true;
}

function truncate(actions: VolumeActions): boolean {
  const node = actions.pick(actions.model.files());
  if (node === undefined) return false;
  const size = Math.max(0, actions.position(node.content.size));
  actions.run(setattr, { ino: toIno(node.ino), size });
  node.content.truncate(size);
  node.touch();
  actions.last = `truncate ${node.ino} to ${size}`;
  return true;
}

function changeRange(actions: VolumeActions): boolean {
  const { prng } = actions;
  const node = actions.pick(actions.model.files());
  if (node === undefined) return false;
  const { content } = node;
  const modes = [
    FallocateMode.KEEP_SIZE,
    0,
    FallocateMode.PUNCH_HOLE | FallocateMode.KEEP_SIZE,
    FallocateMode.PUNCH_HOLE | FallocateMode.KEEP_SIZE,
    FallocateMode.ZERO_RANGE,
    FallocateMode.ZERO_RANGE | FallocateMode.KEEP_SIZE,
  ];
  const mode = modes[prng.below(modes.length)]!;
  const offset = Math.max(0, actions.position(content.size));
  const length = 1 + prng.below(prng.below(3) === 0 ? BLOCK_SIZE_MAX : 20_000);
  actions.run(fallocate, { ino: toIno(node.ino), mode, offset, length });
  if (mode & (FallocateMode.PUNCH_HOLE | FallocateMode.ZERO_RANGE)) content.zero(offset, length);
  if (!(mode & FallocateMode.KEEP_SIZE)) content.size = Math.max(content.size, offset + length);
  node.touch();
  actions.last = `fallocate ${node.ino} mode ${mode} ${offset}+${length}`;
  return true;
}

function shiftRange(actions: VolumeActions): boolean {
  const { prng, limits } = actions;
  const node = actions.pick(actions.model.files().filter(({ content }) => content.size > PAGE));
  if (node === undefined) return false;
  const { content } = node;
  const pageCount = Math.floor((content.size - 1) / PAGE);
  const isInsert = prng.below(2) === 0;
  const from = prng.below(pageCount);
  const offset = from * PAGE;
  const count = isInsert ? 1 + prng.below(20) : 1 + prng.below(pageCount - from);
  const length = count * PAGE;
  if (isInsert && content.size + length > limits.fileSizeMax) return false;
  const mode = isInsert ? FallocateMode.INSERT_RANGE : FallocateMode.COLLAPSE_RANGE;
  actions.run(fallocate, { ino: toIno(node.ino), mode, offset, length });
  if (isInsert) content.insert(offset, length);
  else content.collapse(offset, length);
  node.touch();
  actions.last = `${isInsert ? "insert" : "collapse"} ${node.ino} ${offset}+${length}`;
  return true;
}

function copy(actions: VolumeActions): boolean {
  const { model, prng } = actions;
  const source = actions.pick(model.files().filter(({ content }) => content.size > 0));
  const other = actions.pick(model.files());
  if (source === undefined || other === undefined) return false;
  const target = prng.below(3) === 0 ? source : other;
  const from = prng.below(source.content.size);
  const to = Math.max(0, actions.position(target.content.size));
  const asked = 1 + prng.below(prng.below(3) === 0 ? 2 * BLOCK_SIZE_MAX : 20_000);
  const length = Math.min(asked, source.content.size - from);
  if (to + length > actions.limits.fileSizeMax) return false;
  if (source === target && Math.abs(from - to) < length) return false;
  const result = actions.run<unknown, { length: number }>(copyRange, {
    source: toIno(source.ino),
    sourceOffset: from,
    target: toIno(target.ino),
    targetOffset: to,
    length: asked,
  });
  assert.equal(result.length, length);
  target.content.write(to, source.content.read(from, length));
  target.touch();
  actions.last = `copy ${source.ino} ${from}+${length} to ${target.ino} ${to}`;
  return true;
}

function moveName(actions: VolumeActions): boolean {
  const { model, prng, core } = actions;
  const names = model.names();
  const source = actions.pick(names);
  if (source === undefined) return false;
  const replaced = prng.below(2) === 0 ? actions.pick(names) : undefined;
  const parent = replaced?.parent ?? actions.pick(model.directories())!;
  const name = replaced?.name ?? actions.freshName();
  if (source.node.isDirectory && model.isAbove(source.node, parent)) return false;
  if (replaced !== undefined && replaced.node !== source.node) {
    if (replaced.node.isDirectory !== source.node.isDirectory) return false;
    if (replaced.node.entries.size > 0 || model.isAbove(replaced.node, source.parent)) return false;
  }
  core.executor.runMeta(rename, actions.caller(), {
    parent: toIno(source.parent.ino),
    name: source.name,
    newParent: toIno(parent.ino),
    newName: name,
    flags: 0,
  });
  model.rename(source.parent, source.name, { parent, name });
  actions.last = `rename ${source.name} to ${name}`;
  return true;
}

function removeName(actions: VolumeActions): boolean {
  const { model, core } = actions;
  const found = actions.pick(model.names().filter(({ node }) => node.entries.size === 0));
  if (found === undefined) return false;
  const args = { parent: toIno(found.parent.ino), name: found.name };
  if (found.node.isDirectory) core.executor.runMeta(rmdir, actions.caller(), args);
  else core.executor.runMeta(unlink, actions.caller(), args);
  model.removeName(found.parent, found.name);
  actions.last = `remove ${found.name}`;
  return true;
}

function addName(actions: VolumeActions): boolean {
  const { model, core } = actions;
  const node = actions.pick(model.files().filter(({ nlink }) => nlink > 0 && nlink < 4));
  if (node === undefined) return false;
  const parent = actions.pick(model.directories())!;
  const name = actions.freshName();
  const args = { ino: toIno(node.ino), parent: toIno(parent.ino), name };
  core.executor.runMeta(link, actions.caller(), args);
  parent.entries.set(name, node.ino);
  node.nlink++;
  actions.last = `link ${node.ino} as ${name}`;
  return true;
}

function changeMode(actions: VolumeActions): boolean {
  const { model, prng } = actions;
  const node = actions.pick(
    [...model.nodes.values()].filter(({ type }) => type !== FileType.SYMLINK),
  );
  if (node === undefined) return false;
  const mode = prng.below(0o1000);
  const uid = prng.below(1000);
  const owner = prng.below(2) === 0;
  actions.run(setattr, { ino: toIno(node.ino), mode, ...(owner ? { uid, gid: uid } : {}) });
  node.mode = node.type | mode;
  if (owner) node.uid = node.gid = uid;
  actions.last = `setattr ${node.ino}`;
  return true;
}

function changeXattr(actions: VolumeActions): boolean {
  const { model, prng, core } = actions;
  const node = actions.pick(model.files());
  if (node === undefined) return false;
  const name = `user.x${prng.below(3)}`;
  const ino = toIno(node.ino);
  if (node.xattrs.has(name) && prng.below(2) === 0) {
    core.executor.runMeta(removexattr, actions.caller(), { ino, name });
    node.xattrs.delete(name);
  } else {
    const value = actions.data(prng.below(40));
    const args = { ino, name, value, flags: 0, killSgid: false };
    core.executor.runMeta(setxattr, actions.caller(), args);
    node.xattrs.set(name, value);
  }
  actions.last = `xattr ${name} of ${node.ino}`;
  return true;
}

function reapOrphans(actions: VolumeActions): boolean {
  const { model, prng } = actions;
  const orphans = model.orphans().filter(() => prng.below(2) === 0);
  if (orphans.length === 0) return false;
  const inos = orphans.map(({ ino }) => toIno(ino));
  const result = actions.run<unknown, { inos: Ino[] }>(reap, { inos });
  assert.deepEqual(result.inos, inos);
  for (const { ino } of orphans) model.nodes.delete(ino);
  actions.last = `reap ${inos.join(" ")}`;
  return true;
}

/** Compaction, as far as a file's stored ranges allow it: changes nothing that a user sees. */
function compact(actions: VolumeActions): boolean {
  const { model, prng, core } = actions;
  const node = actions.pick(model.files());
  if (node === undefined) return false;
  const ino = toIno(node.ino);
  const { state } = core;
  const rows = state.meta.tables.slices
    .overlapping(ino, 0, Number.MAX_SAFE_INTEGER)
    .filter((row) => row.pack !== ZERO_PACK && !state.packs.isPending(row.pack));
  const ranges = rows
    .filter(() => prng.below(3) > 0)
    .map((row) => {
      const skip = prng.below(2) === 0 ? 0 : prng.below(row.length);
      return { ino, pos: row.pos + skip, length: 1 + prng.below(row.length - skip) };
    });
  if (ranges.length === 0) return false;
  actions.run(rewrite, { ranges });
  actions.last = `rewrite ${ranges.length} ranges of ${ino}`;
  return true;
}

/** Weighted by how often each stands here. */
const ACTIONS: readonly Action[] = [
  makeNode,
  makeNode,
  makeUnnamed,
  ...[write, write, write, write, write, write],
  truncate,
  changeRange,
  changeRange,
  shiftRange,
  ...[copy, copy],
  moveName,
  removeName,
  addName,
  changeMode,
  changeXattr,
  reapOrphans,
  compact,
];
