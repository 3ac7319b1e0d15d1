/**
 * MetaState over SQLite, with caches so small that everything leaves them all the time, against a plain tree of Maps:
 * same refusals, same names, links, parents and orphans after any run of operations, flushes and restarts.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import * as fc from "fast-check";
import { MetaFixture, makeCaller } from "../../test/support/meta-fixture.ts";
import { FsError } from "../core/fs-error.ts";
import { ROOT_INO, toIno } from "../core/ids.ts";
import { FileType } from "./inode.ts";
import type { MetaState } from "./meta-state.ts";
import type { Operation } from "./operation.ts";
import { atime } from "./ops/atime.ts";
import { create } from "./ops/create.ts";
import { link } from "./ops/link.ts";
import { RenameFlag, rename } from "./ops/rename.ts";
import { rmdir } from "./ops/rmdir.ts";
import { unlink } from "./ops/unlink.ts";

interface ModelInode {
  /** Names of a directory; undefined for a file. */
  readonly entries: Map<string, number> | undefined;
  nlink: number;
  parent: number;
  atimeSec: number;
}

/** Each method returns the code it refuses with, or undefined after doing it. */
class ModelTree {
  readonly inodes = new Map<number, ModelInode>();
  nextIno = 2;

  constructor() {
    this.inodes.set(1, { entries: new Map(), nlink: 2, parent: 1, atimeSec: 1000 });
  }

  directory(ino: number): ModelInode | string {
    const inode = this.inodes.get(ino);
    if (inode === undefined) return "ESTALE";
    if (inode.entries === undefined) return "ENOTDIR";
    return inode.nlink === 0 ? "ENOENT" : inode;
  }

  create(parent: number, name: string, isDirectory: boolean): string | undefined {
    const at = this.directory(parent);
    if (typeof at === "string") return at;
    if (at.entries!.has(name)) return "EEXIST";
    const ino = this.nextIno++;
    at.entries!.set(name, ino);
    if (isDirectory) at.nlink++;
    this.inodes.set(ino, {
      entries: isDirectory ? new Map() : undefined,
      nlink: isDirectory ? 2 : 1,
      parent: isDirectory ? parent : 0,
      atimeSec: 2000,
    });
    return undefined;
  }

  remove(parent: number, name: string, isDirectory: boolean): string | undefined {
    const at = this.directory(parent);
    if (typeof at === "string") return at;
    const ino = at.entries!.get(name);
    if (ino === undefined) return "ENOENT";
    const inode = this.inodes.get(ino)!;
    if (isDirectory && inode.entries === undefined) return "ENOTDIR";
    if (!isDirectory && inode.entries !== undefined) return "EISDIR";
    if (inode.entries !== undefined && inode.entries.size > 0) return "ENOTEMPTY";
    at.entries!.delete(name);
    this.drop(at, inode);
    return undefined;
  }

  link(ino: number, parent: number, name: string): string | undefined {
    const inode = this.inodes.get(ino);
    if (inode === undefined) return "ESTALE";
    const at = this.directory(parent);
    if (typeof at === "string") return at;
    if (at.entries!.has(name)) return "EEXIST";
    if (inode.entries !== undefined) return "EPERM";
    if (inode.nlink === 0) return "ENOENT";
    inode.nlink++;
    at.entries!.set(name, ino);
    return undefined;
  }

  rename(from: Place, to: Place, flags: number): string | undefined {
    const [a, b] = [this.directory(from.parent), this.directory(to.parent)];
    if (typeof a === "string") return a;
    if (typeof b === "string") return b;
    const ino = a.entries!.get(from.name);
    const other = b.entries!.get(to.name);
    if (ino === undefined) return "ENOENT";
    if (other === undefined && flags === RenameFlag.EXCHANGE) return "ENOENT";
    if (other !== undefined && flags === RenameFlag.NOREPLACE) return "EEXIST";
    if (this.#isWithin(to.parent, ino)) return "EINVAL";
    if (other !== undefined && this.#isWithin(from.parent, other)) {
      return flags === RenameFlag.EXCHANGE ? "EINVAL" : "ENOTEMPTY";
    }
    if (ino === other) return undefined;
    const inode = this.inodes.get(ino)!;
    const target = other === undefined ? undefined : this.inodes.get(other)!;
    if (target !== undefined && flags !== RenameFlag.EXCHANGE) {
      if (inode.entries !== undefined && target.entries === undefined) return "ENOTDIR";
      if (inode.entries === undefined && target.entries !== undefined) return "EISDIR";
      if (target.entries !== undefined && target.entries.size > 0) return "ENOTEMPTY";
      this.drop(b, target);
    }
    if (flags === RenameFlag.EXCHANGE) {
      a.entries!.set(from.name, other!);
      this.#rehang(target!, { from: b, to: a, parent: from.parent });
    } else {
      a.entries!.delete(from.name);
    }
    b.entries!.set(to.name, ino);
    this.#rehang(inode, { from: a, to: b, parent: to.parent });
    return undefined;
  }

  drop(directory: ModelInode, inode: ModelInode): void {
    if (inode.entries === undefined) {
      inode.nlink--;
    } else {
      inode.nlink = 0;
      inode.parent = 0;
      directory.nlink--;
    }
  }

  #rehang(inode: ModelInode, move: { from: ModelInode; to: ModelInode; parent: number }): void {
    if (inode.entries === undefined) return;
    move.from.nlink--;
    move.to.nlink++;
    inode.parent = move.parent;
  }

  #isWithin(directory: number, ancestor: number): boolean {
    for (let at = directory; ; at = this.inodes.get(at)!.parent) {
      if (at === ancestor) return true;
      if (at === 1) return false;
    }
  }
}

interface Place {
  readonly parent: number;
  readonly name: string;
}

type Step =
  | { readonly kind: "create"; readonly at: Place; readonly isDirectory: boolean }
  | { readonly kind: "remove"; readonly at: Place; readonly isDirectory: boolean }
  | { readonly kind: "rename"; readonly at: Place; readonly to: Place; readonly flags: number }
  | { readonly kind: "link"; readonly at: Place; readonly ino: number }
  | { readonly kind: "atime"; readonly ino: number }
  | { readonly kind: "reap" | "flush" | "restart" | "readAll" };

const ino = fc.nat(39).map((n) => n + 1);
const lowIno = fc.oneof(
  fc.nat(5).map((n) => n + 1),
  ino,
);
const place: fc.Arbitrary<Place> = fc.record({
  parent: lowIno,
  name: fc.constantFrom("a", "b", "c"),
});
const flags = fc.constantFrom(0, 0, RenameFlag.NOREPLACE, RenameFlag.EXCHANGE);
const isDirectory = fc.boolean();

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("create"), at: place, isDirectory }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove"), at: place, isDirectory }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("rename"), at: place, to: place, flags }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("link"), at: place, ino }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("atime"), ino }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("reap", "flush", "restart", "readAll") }),
  },
) as fc.Arbitrary<Step>;

/** Runs an operation; what it refused with, or undefined. */
function attempt<Args, Result>(
  fixture: MetaFixture,
  operation: Operation<MetaState, Args, Result>,
  args: Args,
): string | undefined {
  try {
    fixture.run(operation, args, makeCaller({ now: { sec: 2000, nsec: 0 } }));
    return undefined;
  } catch (error) {
    if (error instanceof FsError) return error.code;
    throw error;
  }
}

function runStep(fixture: MetaFixture, model: ModelTree, one: Step): void {
  if (one.kind === "create") {
    const type = one.isDirectory ? FileType.DIRECTORY : FileType.REGULAR;
    const args = { ...realPlace(one.at), mode: type | 0o755, rdev: 0 };
    assert.equal(
      attempt(fixture, create, args),
      model.create(one.at.parent, one.at.name, one.isDirectory),
    );
  } else if (one.kind === "remove") {
    const operation = one.isDirectory ? rmdir : unlink;
    assert.equal(
      attempt<Parameters<typeof unlink.prepare>[2], unknown>(
        fixture,
        operation as Operation<MetaState, Parameters<typeof unlink.prepare>[2], unknown>,
        realPlace(one.at),
      ),
      model.remove(one.at.parent, one.at.name, one.isDirectory),
    );
  } else if (one.kind === "rename") {
    const { parent: newParent, name: newName } = realPlace(one.to);
    const args = { ...realPlace(one.at), newParent, newName, flags: one.flags };
    assert.equal(attempt(fixture, rename, args), model.rename(one.at, one.to, one.flags));
  } else if (one.kind === "link") {
    const args = { ino: toIno(one.ino), ...realPlace(one.at) };
    assert.equal(attempt(fixture, link, args), model.link(one.ino, one.at.parent, one.at.name));
  } else if (one.kind === "atime") {
    const inode = model.inodes.get(one.ino);
    const refused = attempt(fixture, atime, { ino: toIno(one.ino) });
    assert.equal(refused, inode === undefined ? "ESTALE" : undefined);
    if (inode !== undefined) inode.atimeSec = 2000;
  } else if (one.kind === "reap") {
    reap(fixture, model);
  } else if (one.kind === "flush") {
    fixture.state.flush();
  } else if (one.kind === "restart") {
    fixture.restart();
  } else {
    for (const number of model.inodes.keys()) fixture.state.requireInode(toIno(number));
  }
}

function realPlace(at: Place): { parent: ReturnType<typeof toIno>; name: string } {
  return { parent: toIno(at.parent), name: at.name };
}

function reap(fixture: MetaFixture, model: ModelTree): void {
  for (const number of fixture.state.orphans) {
    for (const { state } of [fixture.live, fixture.copy]) {
      state.removeInode(state.requireInode(number));
      state.removeOrphan(number);
    }
    assert.equal(model.inodes.get(number)?.nlink, 0);
    model.inodes.delete(number);
  }
}

function compare(fixture: MetaFixture, model: ModelTree): void {
  const { state } = fixture;
  assert.equal(state.inodeCount, model.inodes.size);
  for (const [number, expected] of model.inodes) {
    const inode = state.requireInode(toIno(number));
    assert.deepEqual(
      { nlink: inode.nlink, parent: inode.parent, atimeSec: inode.atimeSec },
      { nlink: expected.nlink, parent: expected.parent, atimeSec: expected.atimeSec },
      `inode ${number}`,
    );
    assert.equal(state.orphans.has(toIno(number)), expected.nlink === 0);
    if (expected.entries === undefined) continue;
    const listed = state.tables.dentries.list(toIno(number), 0, 100);
    assert.deepEqual(
      new Map(listed.map((entry) => [entry.name, entry.ino as number])),
      expected.entries,
    );
    for (const name of ["a", "b", "c"]) {
      assert.equal(state.lookup(toIno(number), name)?.ino, expected.entries.get(name));
    }
  }
}

it("MetaState is a tree of Maps, whatever its caches forget", () => {
  assert.equal(ROOT_INO, 1);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: "max" }), (steps) => {
      const fixture = new MetaFixture({
        inodeCacheGeneration: 16,
        dentryCacheGeneration: 1,
        dirtyInodeCountSoft: 3,
      });
      const model = new ModelTree();
      for (const one of steps) runStep(fixture, model, one);
      compare(fixture, model);
      fixture.check();
      fixture.restart();
      compare(fixture, model);
      fixture.live.tables.close();
      fixture.copy.tables.close();
    }),
    { numRuns: Number(process.env["SHOAL_RUNS"] ?? 150) },
  );
});
