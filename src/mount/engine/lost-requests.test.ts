import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InitFlag2 } from "../../fuse/abi/flags.ts";
import { LostRequests } from "./lost-requests.ts";

function watch(changes: { readonly generation?: number; readonly flags2?: number } = {}): {
  readonly lost: LostRequests;
  readonly deferred: { count: number };
  readonly asked: () => number;
} {
  let asked = 0;
  const deferred = { count: 0 };
  const lost = new LostRequests({
    writer: { resend: () => (asked++, 0) },
    deferred,
    session: { flags2: changes.flags2 ?? InitFlag2.HAS_RESEND },
    generation: changes.generation ?? 2,
  });
  return { lost, deferred, asked: () => asked };
}

describe("lost requests", () => {
  it("are asked for once after a restart", () => {
    const { lost, asked } = watch();
    assert.equal(lost.isDue, true);
    lost.tick();
    lost.tick();
    assert.equal(asked(), 1);
    assert.equal(lost.isDue, false);
  });

  it("are not asked for while a request that is known waits for its answer (J7)", () => {
    const { lost, deferred, asked } = watch();
    deferred.count = 1;
    lost.tick();
    assert.equal(asked(), 0);
    deferred.count = 0;
    lost.tick();
    assert.equal(asked(), 1);
  });

  it("are not asked for by a connection's first engine, nor where the kernel cannot", () => {
    for (const changes of [{ generation: 1 }, { flags2: 0 }]) {
      const { lost, asked } = watch(changes);
      lost.tick();
      assert.equal(asked(), 0);
      assert.equal(lost.isDue, false);
    }
  });
});
