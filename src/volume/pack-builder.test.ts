import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { buildFromPlan, noise, VolumeHarness } from "../../test/support/volume-harness.ts";
import { CorruptError } from "../core/fs-error.ts";
import { toPackId, type Ino } from "../core/ids.ts";
import { NodeDisk } from "../journal/disk.ts";
import { segmentName } from "../journal/segment.ts";
import type { Compression } from "../pack/codec.ts";
import { encodePlan } from "../vfs/planned-pack.ts";
import { PackBuilder } from "./pack-builder.ts";

const PACK = toPackId(1);

let harness: VolumeHarness;
let ino: Ino;
let plan: Uint8Array;

beforeEach(async () => {
  harness = await VolumeHarness.create();
  ino = harness.makeFile("a");
  harness.write(ino, 0, "compressible ".repeat(100));
  harness.write(ino, 5, "in two records");
  harness.core.cut();
  plan = encodePlan(harness.state.pending.get(PACK)!);
});

afterEach(() => harness[Symbol.dispose]());

function builderWith(compression: Compression): PackBuilder & { readonly blocks: Disposable } {
  const blocks = harness.newBlocks();
  const builder = new PackBuilder({
    disk: new NodeDisk(),
    journalDir: harness.journalDir,
    journalUuid: harness.core.journal.uuid,
    stagingRoot: harness.stagingRoot,
    volumeUuid: harness.config.uuid,
    timeline: harness.config.timeline,
    compression,
    blocks,
  });
  return Object.assign(builder, { blocks });
}

describe("building a planned pack", () => {
  it("gives the same bytes each time, and takes what is staged already for done", () => {
    const first = buildFromPlan(harness, PACK, plan);
    const bytes = readFileSync(first.path);
    assert.equal(bytes.length, first.size);
    const second = buildFromPlan(harness, PACK, plan);
    assert.deepEqual(second, first);
    assert.deepEqual(readFileSync(second.path), bytes);
  });

  it("adopts what an earlier process staged with another codec: only those bytes may be sent (K3)", () => {
    const first = buildFromPlan(harness, PACK, plan);
    const bytes = readFileSync(first.path);
    using builder = builderWith("none");
    using _ = builder.blocks;
    assert.deepEqual(builder.build(PACK, plan), first);
    assert.deepEqual(readFileSync(first.path), bytes);
    assert.ok(builder.decodesToPlan(PACK, plan));
  });

  it("refuses what is staged under the name and is not what the plan says", () => {
    const first = buildFromPlan(harness, PACK, plan);
    const bytes = readFileSync(first.path);
    bytes[40]! ^= 1;
    writeFileSync(first.path, bytes);
    assert.throws(() => buildFromPlan(harness, PACK, plan), { code: "EEXIST" });
    assert.deepEqual(readFileSync(first.path), bytes, "and leaves it");
  });

  it("refuses journal bytes that are not those of the plan, and stages nothing", () => {
    const segment = harness.core.journal.segmentNumbers()[0]!;
    const path = join(harness.journalDir, segmentName(segment));
    const bytes = readFileSync(path);
    const at = bytes.indexOf("compressible");
    bytes[at + 3]! ^= 1;
    writeFileSync(path, bytes);
    assert.throws(() => buildFromPlan(harness, PACK, plan), CorruptError);
    assert.deepEqual(harness.stagedPacks(), []);
  });

  it("refuses a plan that is damaged, before it stages anything", () => {
    assert.throws(() => buildFromPlan(harness, PACK, plan.subarray(1)), CorruptError);
    assert.deepEqual(harness.stagedPacks(), []);
  });

  it("says whether the store's pack holds what the plan says", () => {
    harness.pump();
    using builder = builderWith("none");
    using _ = builder.blocks;
    assert.ok(builder.decodesToPlan(PACK, plan));
    const { blocks, plainSize } = harness.state.pending.get(PACK) ?? {
      blocks: [{ ino, pos: 0, length: 4, pieces: [{ source: noisePiece(), skip: 0, length: 4 }] }],
      plainSize: 4,
    };
    assert.throws(() => builder.decodesToPlan(PACK, encodePlan({ id: PACK, blocks, plainSize })));
  });
});

/** A record that the journal does not hold. */
function noisePiece(): { segment: number; dataAt: number; dataLength: number; dataCrc: number } {
  return { segment: 1, dataAt: 8192, dataLength: 4, dataCrc: noise(1)[0]! };
}
