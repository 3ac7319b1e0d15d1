import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { makeTemporaryRoot } from "../../test/support/volume-harness.ts";
import { FsError } from "../core/fs-error.ts";
import { toPackId, type PackId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { FileObjectStore } from "../object/file-object-store.ts";
import { packKey } from "../pack/pack-name.ts";
import type { EngineInput, PackOrder } from "./engine-message.ts";
import { PackPipeline, type PackPipelineOptions } from "./pack-pipeline.ts";

const TIMELINE = "0123456789abcdef0123456789abcdef";
const PACK = toPackId(1);

let root: string;
let store: FileObjectStore;
/** What happened, in order. */
let events: string[];
let pipeline: PackPipeline;

beforeEach(async () => {
  root = makeTemporaryRoot();
  mkdirSync(join(root, "store"));
  writeFileSync(join(root, "wal"), "");
  store = await FileObjectStore.open({ root: join(root, "store"), clock: new ManualClock() });
  events = [];
});

afterEach(async () => {
  await pipeline.close();
  await store.close();
  rmSync(root, { recursive: true });
});

function begin(changes: Partial<PackPipelineOptions> = {}): void {
  pipeline = new PackPipeline({
    store,
    timeline: TIMELINE,
    walPath: join(root, "wal"),
    clock: new ManualClock(),
    log: silentLog,
    build: async ({ pack }) => stage(pack),
    decodesToPlan: async () => false,
    send: (input) => events.push(describeInput(input)),
    signal: new AbortController().signal,
    ...changes,
  });
}

function stage(pack: PackId, text: string = `pack ${pack}`): { path: string; size: number } {
  events.push(`built ${pack}`);
  const path = join(root, `staged-${pack}`);
  writeFileSync(path, text);
  return { path, size: text.length };
}

function describeInput(input: EngineInput): string {
  if (input.kind === "walSynced") return `walSynced ${input.cut}`;
  if (input.kind === "storeProblem") return `problem ${input.code}`;
  return `${input.kind} ${input.pack}`;
}

function order(pack: PackId): PackOrder {
  return { pack, plan: new Uint8Array(0) };
}

async function until(event: string): Promise<void> {
  for (let i = 0; !events.includes(event); i++) {
    assert.ok(i < 10_000, `${event} never came; there were ${events.join(", ")}`);
    await setImmediate();
  }
}

describe("the pack pipeline", () => {
  it("flushes the WAL, then builds, stores, tells and unstages, a pack after the other (K1, K3)", async () => {
    begin();
    pipeline.receive({ kind: "cut", cut: 4, packs: [order(PACK), order(toPackId(2))] });
    await until("packStored 2");
    const wanted = ["walSynced 4", "built 1", "packStored 1", "built 2", "packStored 2"];
    assert.deepEqual(events, wanted);
    await pipeline.close();
    assert.equal((await store.head(packKey(TIMELINE, PACK)))?.size, 6);
    assert.equal(existsSync(join(root, "staged-1")), false);
  });

  it("says and sends nothing after a flush of the WAL failed (J2)", async () => {
    rmSync(join(root, "wal"));
    begin();
    pipeline.receive({ kind: "cut", cut: 1, packs: [order(PACK)] });
    await assert.rejects(pipeline.failed, { code: "ENOENT" });
    writeFileSync(join(root, "wal"), "");
    pipeline.receive({ kind: "cut", cut: 2, packs: [order(toPackId(2))] });
    await pipeline.close();
    assert.deepEqual(events, []);
    assert.equal(await store.head(packKey(TIMELINE, PACK)), undefined);
  });

  it("waits for a store that is full, and says so once", async () => {
    let left = 3;
    begin({
      build: async ({ pack }) => {
        if (left-- > 0) throw new FsError("ENOSPC", "no room");
        return stage(pack);
      },
    });
    pipeline.receive({ kind: "cut", cut: 1, packs: [order(PACK)] });
    await until("packStored 1");
    assert.deepEqual(events, [
      "walSynced 1",
      "problem ENOSPC",
      "built 1",
      "problem undefined",
      "packStored 1",
    ]);
  });

  it("deletes on a full disk, and gives up the pack that waits when it is cancelled", async () => {
    let isFull = false;
    begin({
      build: async ({ pack }) => {
        if (isFull) throw new FsError("ENOSPC", "no room");
        return stage(pack);
      },
    });
    pipeline.receive({ kind: "cut", cut: 1, packs: [order(PACK)] });
    await until("packStored 1");
    isFull = true;
    pipeline.receive({ kind: "cut", cut: 2, packs: [order(toPackId(2))] });
    await until("problem ENOSPC");
    pipeline.receive({ kind: "delete", packs: [PACK] });
    await until("packDeleted 1");
    assert.equal(await store.head(packKey(TIMELINE, PACK)), undefined);
    pipeline.receive({ kind: "cancel", packs: [toPackId(2)] });
    await until("packCancelled 2");
    assert.equal(events.at(-1), "packCancelled 2");
  });

  it("takes away what an earlier process stored of a pack that is cancelled", async () => {
    await store.create(packKey(TIMELINE, PACK), Buffer.from("pack 1"));
    begin();
    pipeline.receive({ kind: "cancel", packs: [PACK] });
    pipeline.receive({ kind: "cut", cut: 1, packs: [order(PACK)] });
    await until("packCancelled 1");
    assert.equal(await store.head(packKey(TIMELINE, PACK)), undefined);
  });

  it("takes the store's own bytes for stored, adopts what decodes to the plan, refuses the rest (K3)", async () => {
    const key = packKey(TIMELINE, PACK);
    await store.create(key, Buffer.from("pack 1"));
    begin();
    pipeline.receive({ kind: "cut", cut: 1, packs: [order(PACK)] });
    await until("packStored 1");
    await pipeline.close();
    for (const decodes of [true, false]) {
      events = [];
      begin({
        build: async ({ pack }) => stage(pack, "packed otherwise"),
        decodesToPlan: async () => decodes,
      });
      pipeline.receive({ kind: "cut", cut: 2, packs: [order(PACK)] });
      if (decodes) await until("packStored 1");
      else await assert.rejects(pipeline.failed, { code: "EIO", message: /with other bytes/ });
      await pipeline.close();
      assert.equal(Buffer.from((await store.get(key))!.body).toString(), "pack 1");
    }
  });
});
