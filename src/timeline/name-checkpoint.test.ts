import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoreFault } from "../object/memory-object-store.ts";
import { lostAnswer, TimelineFixture } from "../../test/support/timeline-fixture.ts";
import { raiseFloors, readFloors } from "./floors.ts";
import {
  checkpointNames,
  createCheckpoint,
  deleteCheckpoint,
  readCheckpoint,
} from "./name-checkpoint.ts";
import { PIN_PREFIX } from "./object-keys.ts";
import type { RootContext, RootSource } from "./root-source.ts";

const T = "7".repeat(32);

function at(txid: number): RootSource {
  return { instant: { timeline: T, txid } };
}

function begin(): { fixture: TimelineFixture; context: RootContext } {
  const fixture = new TimelineFixture();
  return { fixture, context: { ...fixture.context, clock: fixture.clock } };
}

async function names(context: RootContext): Promise<string[]> {
  const all: string[] = [];
  for await (const name of checkpointNames(context)) all.push(name);
  return all;
}

async function pins({ store }: RootContext): Promise<number> {
  return (await store.list({ prefix: PIN_PREFIX })).objects.length;
}

describe("a checkpoint", () => {
  it("costs five requests, whatever the volume: pin, floors, name, name, pin", async () => {
    const { fixture, context } = begin();
    const requests = await fixture.requests(() =>
      createCheckpoint(context, "one", { source: at(5), note: "why" }),
    );
    assert.deepEqual(requests, [
      "create pins/*.json",
      "get gc.json",
      "get checkpoints/one.json",
      "create checkpoints/one.json",
      "delete pins/*.json",
    ]);
    const seen = await readCheckpoint(context, "one");
    assert.deepEqual(seen?.checkpoint.instant, { timeline: T, txid: 5 });
    assert.equal(seen.checkpoint.note, "why");
  });

  it("is refused where the name is taken, and leaves no pin", async () => {
    const { context } = begin();
    await createCheckpoint(context, "one", { source: at(5), note: "" });
    await assert.rejects(createCheckpoint(context, "one", { source: at(6), note: "" }), {
      code: "EEXIST",
      message: /checkpoint one already/,
    });
    assert.equal(await pins(context), 0);
  });

  it("is refused where the instant has expired, unless its name still stands", async () => {
    const { context } = begin();
    await createCheckpoint(context, "old", { source: at(2), note: "" });
    await raiseFloors(context, await readFloors(context), new Map([[T, 5]]));
    await assert.rejects(createCheckpoint(context, "new", { source: at(2), note: "" }), {
      code: "ESTALE",
      message: /TXID 2 .* has expired/,
    });
    assert.equal(await pins(context), 0);
    const { key, tag } = (await readCheckpoint(context, "old"))!;
    const named = { instant: { timeline: T, txid: 2 }, name: { key, tag } };
    await createCheckpoint(context, "new", { source: named, note: "" });
    await deleteCheckpoint(context, "old");
    await assert.rejects(createCheckpoint(context, "other", { source: named, note: "" }), {
      code: "ESTALE",
    });
  });

  it("is deleted to a tombstone and made again over it, which remembers what it stood for", async () => {
    const { context } = begin();
    await createCheckpoint(context, "one", { source: at(5), note: "" });
    await deleteCheckpoint(context, "one");
    await assert.rejects(deleteCheckpoint(context, "one"), { code: "ENOENT" });
    await createCheckpoint(context, "one", { source: at(7), note: "" });
    const seen = await readCheckpoint(context, "one");
    assert.deepEqual(seen?.checkpoint.was, [{ timeline: T, txid: 5 }]);
    assert.deepEqual(await names(context), ["one"]);
  });

  it("keeps its pin when nobody knows whether the name was made", async () => {
    for (const kind of ["fail-before", "fail-after", "apply-late"] as const) {
      const { fixture, context } = begin();
      fixture.fault = ({ method, key }): StoreFault | undefined =>
        method === "create" && key.startsWith("checkpoints/")
          ? ({ kind, error: lostAnswer(), delayMs: 1 } as StoreFault)
          : undefined;
      await assert.rejects(createCheckpoint(context, "one", { source: at(5), note: "" }), {
        code: "ETIMEDOUT",
      });
      fixture.fault = undefined;
      await fixture.store.settled();
      assert.equal(await pins(context), 1);
    }
  });

  it("is listed page by page, in order", async () => {
    const { context } = begin();
    for (const name of ["b", "a", "c"]) {
      await createCheckpoint(context, name, { source: at(1), note: "" });
    }
    assert.deepEqual(await names(context), ["a", "b", "c"]);
  });
});
