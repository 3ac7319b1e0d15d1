import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TimelineFixture } from "../../test/support/timeline-fixture.ts";
import { createCheckpoint, deleteCheckpoint } from "../timeline/name-checkpoint.ts";
import { encodePin } from "../timeline/pin.ts";
import { pinKey } from "../timeline/object-keys.ts";
import { keptInstants, listRoots } from "./root-listing.ts";

const T = "7".repeat(32);

function txids(fixture: TimelineFixture, txid: number): Parameters<typeof createCheckpoint> {
  const context = { ...fixture.context, clock: fixture.clock };
  return [context, `at-${txid}`, { source: { instant: { timeline: T, txid } }, note: "" }];
}

describe("a listing of roots", () => {
  it("holds pins, checkpoints and what heads stand on", async () => {
    const fixture = new TimelineFixture();
    await fixture.createBranch({ timeline: T, txid: 3 });
    await createCheckpoint(...txids(fixture, 5));
    await fixture.store.create(
      pinKey("1".repeat(32)),
      encodePin({ instant: { timeline: T, txid: 7 }, createdMs: 0 }),
    );
    const roots = await listRoots(fixture.store);
    const now = [...roots.values()].flatMap((root) => root.now.map(({ txid }) => txid));
    assert.deepEqual(now, [7, 5, 3]);
    assert.equal(roots.get("branches/main.json")?.timelines.length, 1);
  });

  it("keeps what a name stood for that was made or deleted between two listings, and no longer", async () => {
    const fixture = new TimelineFixture();
    const first = await listRoots(fixture.store);
    await createCheckpoint(...txids(fixture, 5));
    await deleteCheckpoint(fixture.context, "at-5");
    const second = await listRoots(fixture.store);
    assert.deepEqual(keptInstants(first, second), [{ timeline: T, txid: 5 }]);
    assert.deepEqual(keptInstants(second, await listRoots(fixture.store)), []);
  });

  it("ends with an error when the store cannot be listed, or holds what it does not know", async () => {
    const fixture = new TimelineFixture();
    await fixture.store.create("checkpoints/x.json", new TextEncoder().encode("{}"));
    await assert.rejects(listRoots(fixture.store), {
      code: "EIO",
      message: /checkpoints\/x\.json/,
    });
  });
});
