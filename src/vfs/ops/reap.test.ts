import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { checkSettled } from "../../../test/support/volume-check.ts";
import { VolumeHarness } from "../../../test/support/volume-harness.ts";
import { ROOT_INO, toIno, type Ino } from "../../core/ids.ts";
import { link } from "../../meta/ops/link.ts";
import { unlink } from "../../meta/ops/unlink.ts";
import { reap } from "./reap.ts";

let harness: VolumeHarness;

beforeEach(async () => {
  harness = await VolumeHarness.create();
});

afterEach(() => harness[Symbol.dispose]());

function makeOrphan(name: string, text: string): Ino {
  const ino = harness.makeFile(name);
  harness.write(ino, 0, text);
  harness.runMeta(unlink, { parent: ROOT_INO, name });
  return ino;
}

describe("reaping", () => {
  it("frees stored, pending and dirty data, rows and usage, exactly", () => {
    const before = [harness.state.meta.inodeCount, harness.state.meta.byteCount];
    const inos = [makeOrphan("a", "stored")];
    harness.settle();
    inos.push(makeOrphan("b", "pending"));
    harness.core.cut();
    inos.push(makeOrphan("c", "dirty"));
    assert.equal(harness.read(inos[0]!).toString(), "stored", "an orphan is readable");
    assert.deepEqual(harness.runFile(reap, { inos }).inos, inos);
    assert.deepEqual([harness.state.meta.inodeCount, harness.state.meta.byteCount], before);
    assert.equal(harness.state.dirty.byteCount, 0);
    for (const ino of inos) assert.equal(harness.state.meta.getInode(ino), undefined);
    harness.reopen("kill");
    assert.deepEqual([...harness.state.meta.orphans], []);
    harness.settle();
    assert.deepEqual(harness.storedPacks(), []);
    checkSettled(harness);
  });

  it("leaves what has a name again, what was never an orphan, and what was asked for twice", () => {
    const tmp = harness.makeFile("x", { name: undefined });
    const named = harness.makeFile("named");
    const orphan = makeOrphan("a", "x");
    harness.runMeta(link, { ino: tmp, parent: ROOT_INO, name: "now" });
    const inos = [tmp, orphan, named, toIno(99), orphan];
    assert.deepEqual(harness.runFile(reap, { inos }).inos, [orphan]);
    assert.equal(harness.inode(tmp).nlink, 1);
    assert.equal(harness.inode(named).nlink, 1);
  });

  it("keeps orphans through kills and closes until they are reaped (J8)", () => {
    const orphan = makeOrphan("a", "still open somewhere");
    for (const how of ["kill", "close", "clean", "kill"] as const) {
      harness.reopen(how);
      assert.deepEqual([...harness.state.meta.orphans], [orphan]);
      assert.equal(harness.read(orphan).toString(), "still open somewhere");
    }
  });
});
