import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  BRANCH,
  bytesOf,
  holderNamed,
  TimelineFixture,
} from "../../test/support/timeline-fixture.ts";
import { BranchWriter } from "./branch-writer.ts";
import type { Claimed } from "./claim.ts";
import { HOLDER_TTL_MS, takeBranch, type TakeOptions } from "./take-branch.ts";

async function held(): Promise<{ fixture: TimelineFixture; writer: BranchWriter }> {
  const fixture = new TimelineFixture();
  await fixture.createBranch();
  return { fixture, writer: new BranchWriter(fixture.context, await fixture.claim("one")) };
}

function take(fixture: TimelineFixture, options: Partial<TakeOptions> = {}): Promise<Claimed> {
  const { clock, context } = fixture;
  return takeBranch(context, { branch: BRANCH, holder: holderNamed("two"), clock, ...options });
}

describe("asking for a branch", () => {
  it("takes what nobody holds at once", async () => {
    const { fixture, writer } = await held();
    await writer.release();
    const startMs = fixture.clock.nowMs();
    assert.equal((await take(fixture)).head.epoch, 2);
    assert.equal(fixture.clock.nowMs(), startMs);
  });

  it("refuses while the holder renews, and says who it is, since when and what can be done", async () => {
    const { fixture, writer } = await held();
    const { sleep } = fixture.clock;
    fixture.clock.sleep = async (ms) => {
      await writer.renew();
      await sleep.call(fixture.clock, ms);
    };
    await assert.rejects(take(fixture), {
      code: "EBUSY",
      message: /held by one, process 7, since 2023-11-14T22:13:20.000Z.*--force/,
    });
  });

  it("takes it from a holder that was silent for a full TTL by our clock, told whom it waits for", async () => {
    const { fixture } = await held();
    const startMs = fixture.clock.nowMs();
    const waitedFor: string[] = [];
    const claimed = await take(fixture, { onWait: ({ host }) => waitedFor.push(host) });
    assert.equal(claimed.head.epoch, 2);
    assert.ok(fixture.clock.nowMs() - startMs >= HOLDER_TTL_MS);
    assert.deepEqual(waitedFor, ["one"]);
  });

  it("does not wait for itself, nor when it is forced", async () => {
    for (const options of [{ force: true }, { isOurs: () => true }]) {
      const { fixture } = await held();
      const startMs = fixture.clock.nowMs();
      await take(fixture, options);
      assert.equal(fixture.clock.nowMs(), startMs);
    }
  });

  it("ends its wait when the holder lets go", async () => {
    const { fixture, writer } = await held();
    await writer.ship(1, bytesOf("data"));
    const { sleep } = fixture.clock;
    fixture.clock.sleep = async () => {
      fixture.clock.sleep = sleep.bind(fixture.clock);
      await writer.release();
    };
    const claimed = await take(fixture);
    assert.equal(claimed.record.parent?.txid, 2);
  });

  it("says that there is no such branch", async () => {
    const fixture = new TimelineFixture();
    await assert.rejects(take(fixture), { code: "ENOENT", message: /has no branch main/ });
  });
});
