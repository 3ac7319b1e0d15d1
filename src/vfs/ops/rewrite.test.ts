import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { checkSettled, checkVolume } from "../../../test/support/volume-check.ts";
import { VolumeHarness } from "../../../test/support/volume-harness.ts";
import { ROOT_INO, toIno, type Ino } from "../../core/ids.ts";
import { BLOCK_SIZE_MAX, PACK_BLOCK_COUNT_MAX } from "../../core/limits.ts";
import { unlink } from "../../meta/ops/unlink.ts";
import type { SliceRow } from "../../meta/tables.ts";
import { fallocate } from "./fallocate.ts";
import { reap } from "./reap.ts";
import { rewrite, type RewriteRange } from "./rewrite.ts";

let harness: VolumeHarness;
let ino: Ino;

beforeEach(async () => {
  harness = await VolumeHarness.create();
  ino = harness.makeFile("a");
});

afterEach(() => harness[Symbol.dispose]());

function run(...ranges: RewriteRange[]): number {
  return harness.runFile(rewrite, { ranges }).pack;
}

function rows(): SliceRow[] {
  return harness.state.meta.tables.slices.overlapping(ino, 0, Number.MAX_SAFE_INTEGER);
}

/** Ten stored slices in ten packs. */
function fragment(): string {
  let text = "";
  for (let i = 0; i < 10; i++) {
    const part = String(i).repeat(100);
    harness.write(ino, i * 100, part);
    harness.settle();
    text += part;
  }
  assert.equal(rows().length, 10);
  return text;
}

describe("rewriting", () => {
  it("makes one slice of many, of the same bytes; the old packs go once the new one is stored", () => {
    const text = fragment();
    const pack = run({ ino, pos: 0, length: 1000 });
    assert.deepEqual(rows(), [{ pos: 0, length: 1000, pack, index: 0, offset: 0 }]);
    assert.equal(harness.read(ino).toString(), text, "read through the plan");
    harness.core.cut();
    assert.equal(harness.pump(1), 1);
    assert.equal(harness.storedPacks().length, 10, "its sources are kept while it is pending");
    harness.reopen("kill");
    assert.equal(harness.read(ino).toString(), text);
    assert.equal(harness.storedPacks().length, 10);
    harness.settle();
    assert.deepEqual(harness.storedPacks(), [pack]);
    assert.equal(harness.read(ino).toString(), text);
    checkSettled(harness);
  });

  it("is built in the life of the process that planned it", () => {
    fragment();
    const pack = run({ ino, pos: 0, length: 1000 });
    harness.settle();
    assert.equal(harness.state.pending.size, 0);
    assert.ok(harness.storedPacks().includes(harness.state.packs.require(toPack(pack)).id));
  });

  it("of part of the slices cuts them at both ends", () => {
    const text = fragment();
    run({ ino, pos: 150, length: 700 });
    assert.equal(harness.read(ino).toString(), text);
    checkVolume(harness);
    assert.equal(rows().length, 5);
  });

  it("leaves dirty data as it is, newer than every slice", () => {
    const text = fragment();
    harness.write(ino, 50, "NEW");
    run({ ino, pos: 0, length: 1000 });
    const wanted = `${text.slice(0, 50)}NEW${text.slice(53)}`;
    assert.equal(harness.read(ino).toString(), wanted);
    harness.reopen("kill");
    assert.equal(harness.read(ino).toString(), wanted);
    harness.settle();
    assert.equal(harness.read(ino).toString(), wanted);
  });

  it("of a file that is gone before the pack is built ends with neither pack", () => {
    fragment();
    run({ ino, pos: 0, length: 1000 });
    harness.runMeta(unlink, { parent: ROOT_INO, name: "a" });
    harness.runFile(reap, { inos: [ino] });
    harness.settle();
    assert.deepEqual(harness.storedPacks(), []);
    checkSettled(harness);
  });

  it("is replayed with the number it had, though a cut before it was lost with its numbers", () => {
    fragment();
    const other = harness.makeFile("b");
    harness.write(other, 0, "takes a number in a cut");
    harness.core.journal.flush();
    harness.shut("close");
    // The commit is taken back as a power cut does: the cut runs in a copy, and the rewrite's record is all that stays.
    harness.open();
    const { nextPack } = harness.state.meta;
    harness.state.meta.nextPack += 3;
    const pack = run({ ino, pos: 0, length: 1000 });
    assert.equal(pack, nextPack + 3);
    harness.reopen("kill");
    assert.equal(harness.state.meta.nextPack, pack + 1);
    assert.ok(harness.state.pending.has(toPack(pack)));
    harness.settle();
    checkSettled(harness);
  });

  it("refuses holes, allocated zeros, pending data, and what is no file", () => {
    harness.write(ino, 0, "ab");
    harness.write(ino, 4, "cd");
    harness.settle();
    assert.throws(() => run({ ino, pos: 0, length: 6 }), { code: "EINVAL" });
    harness.runFile(fallocate, { ino, mode: 0, offset: 2, length: 2 });
    assert.throws(() => run({ ino, pos: 0, length: 6 }), { code: "EINVAL" });
    harness.write(ino, 0, "AB");
    harness.core.cut();
    assert.throws(() => run({ ino, pos: 0, length: 2 }), { code: "EINVAL" });
    assert.throws(() => run({ ino: toIno(99), pos: 0, length: 2 }), { code: "EINVAL" });
  });

  it("refuses more than one pack holds", () => {
    harness.write(ino, 0, "ab");
    harness.settle();
    const range = { ino, pos: 0, length: 1 };
    assert.throws(() => run(), { code: "EINVAL" });
    assert.throws(() => run({ ino, pos: 0, length: 0 }), { code: "EINVAL" });
    assert.throws(() => run({ ino, pos: 0, length: BLOCK_SIZE_MAX + 1 }), { code: "EINVAL" });
    const many = Array.from({ length: PACK_BLOCK_COUNT_MAX + 1 }, () => range);
    assert.throws(() => run(...many), { code: "EINVAL" });
  });
});

function toPack(id: number): SliceRow["pack"] {
  return id as SliceRow["pack"];
}
