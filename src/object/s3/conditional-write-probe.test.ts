import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { SystemClock } from "../../core/clock.ts";
import { contentTag } from "../content-tag.ts";
import { ObjectStoreError } from "../object-store.ts";
import { probeConditionalWrites, type ProbeTarget } from "./conditional-write-probe.ts";

/** When a store looks at the condition: as it writes, when the head of the request came, or never. */
type Moment = "write" | "head" | "never";

/** A store in memory, wrong where it is told to be. */
class Target implements ProbeTarget {
  readonly objects = new Map<string, Uint8Array>();
  readonly #create: Moment;
  readonly #swap: Moment;
  putCount = 0;

  constructor(create: Moment, swap: Moment) {
    this.#create = create;
    this.#swap = swap;
  }

  async put(
    ...[key, { tag, body, hold }]: Parameters<ProbeTarget["put"]>
  ): ReturnType<ProbeTarget["put"]> {
    this.putCount++;
    const moment = tag === undefined ? this.#create : this.#swap;
    const holds = (): boolean => {
      const present = this.objects.get(key);
      return tag === undefined
        ? present === undefined
        : present !== undefined && contentTag(present) === tag;
    };
    const held = holds();
    await hold?.();
    await setImmediate();
    if (moment === "head" && !held) return { isWritten: false };
    if (moment === "write" && !holds()) return { isWritten: false };
    this.objects.set(key, body);
    return { isWritten: true, tag: contentTag(body) };
  }

  async get(key: string): ReturnType<ProbeTarget["get"]> {
    const body = this.objects.get(key);
    return body && { body, tag: contentTag(body) };
  }

  async delete(key: string): Promise<void> {
    this.objects.delete(key);
  }
}

describe("probeConditionalWrites", () => {
  const clock = new SystemClock();

  it("finds an exact store exact, with 80 writes, and leaves nothing behind", async () => {
    const target = new Target("write", "write");
    assert.deepEqual(await probeConditionalWrites(target, clock), { isExact: true });
    assert.deepEqual([target.putCount, target.objects.size], [80, 0]);
  });

  it("finds out a store that looks at the condition before the body is there, or never", async () => {
    const wrong: readonly (readonly [Moment, Moment, RegExp])[] = [
      ["head", "write", /16 of 16 racing creates of one key were all told they won/u],
      ["never", "never", /creates of one key were all told/u],
      ["write", "head", /16 of 16 racing swaps from one tag were all told they won/u],
      ["write", "never", /swaps from one tag were all told/u],
    ];
    for (const [create, swap, reason] of wrong) {
      const target = new Target(create, swap);
      const verdict = await probeConditionalWrites(target, clock);
      assert.equal(verdict.isExact, false);
      assert.match(verdict.reason, reason);
      assert.equal(target.objects.size, 0);
    }
  });

  it("finds out a winner whose bytes are not what is there", async () => {
    const target = new Target("write", "write");
    target.get = async () => ({ body: new Uint8Array(1), tag: "t" });
    const verdict = await probeConditionalWrites(target, clock);
    assert.equal(verdict.isExact ? "" : verdict.reason.includes("the bytes of another"), true);
  });

  it("finds out a store that gives one content two tags", async () => {
    const target = new Target("write", "write");
    const { get } = target;
    target.get = async (key) => ({ ...(await get.call(target, key))!, tag: "weak" });
    const verdict = await probeConditionalWrites(target, clock);
    assert.match(verdict.isExact ? "" : verdict.reason, /two tags/u);
  });

  it("gives no verdict when a request has no answer, and lets nobody wait for it", async () => {
    const target = new Target("write", "write");
    const { put } = target;
    const lost = new ObjectStoreError("EIO", "reset", { retryable: true });
    target.put = async (...args) => {
      if (target.putCount === 5) {
        target.putCount++;
        throw lost;
      }
      return put.apply(target, args);
    };
    await assert.rejects(probeConditionalWrites(target, clock), lost);
  });
});
