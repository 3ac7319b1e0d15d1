/**
 * A day's work of several clients on one store, and what must be true at its end whatever befell the requests.
 *
 * - A key is created by one client, once: it holds that client's bytes or nothing, and nothing only if the create was
 *   not acknowledged, or the key was deleted.
 * - A read of an acknowledged key gives its bytes or fails; it never gives others, nor "not there".
 * - The head is swapped by all. Each body names the one it replaces: no two that anybody has seen replace the same one.
 */
import assert from "node:assert/strict";
import { Prng } from "../../src/core/prng.ts";
import { ObjectStoreError, type ObjectStore } from "../../src/object/object-store.ts";
import { noise, text, untext } from "./object-store/fixtures.ts";

const CLIENT_COUNT = 4;
const STEP_COUNT = 30;
const BODY_SIZE_MAX = 40_000;

interface KeyState {
  readonly body: Uint8Array;
  isAcknowledged: boolean;
  isDeleted: boolean;
}

export class FaultyDay {
  readonly #store: ObjectStore;
  readonly #direct: ObjectStore;
  readonly #seed: number;
  readonly #keys = new Map<string, KeyState>();
  /** Bodies of the head that were acknowledged or read, by their own name. */
  readonly #heads = new Set<string>();
  #doneCount = 0;
  #failedCount = 0;

  constructor(seed: number, store: ObjectStore, direct: ObjectStore) {
    this.#seed = seed;
    this.#store = store;
    this.#direct = direct;
  }

  async run(): Promise<void> {
    const clients = Array.from({ length: CLIENT_COUNT }, (_, index) => this.#client(index));
    await Promise.all(clients);
  }

  /** The store must be quiet. */
  async check(): Promise<void> {
    for (const [key, state] of this.#keys) {
      const found = await this.#direct.get(key);
      if (found === undefined) {
        assert.equal(state.isDeleted || !state.isAcknowledged, true, `${key} is lost`);
      } else {
        assert.equal(Buffer.compare(found.body, state.body), 0, `${key} holds other bytes`);
      }
    }
    this.#heads.add(untext((await this.#direct.get("head"))!.body));
    const replaced = [...this.#heads].map((body) => body.split(" < ")[1]).filter(Boolean);
    assert.equal(new Set(replaced).size, replaced.length, `a swap was lost: ${replaced.join()}`);
    assert.equal(this.#heads.size > 2, true, "the head was swapped");
    const { objects } = await this.#direct.list({ prefix: "" });
    for (const { key } of objects) {
      assert.equal(key === "head" || this.#keys.has(key), true, `${key} was never created`);
    }
    assert.equal(this.#doneCount > this.#failedCount, true, "most calls come through");
  }

  async #client(index: number): Promise<void> {
    const prng = new Prng(this.#seed * 1000 + index);
    const own: string[] = [];
    for (let step = 0; step < STEP_COUNT; step++) {
      const choice = prng.below(10);
      const key = own[prng.below(Math.max(1, own.length))];
      if (key === undefined || choice < 3) {
        own.push(await this.#create(`c${index}/${step}`, noise(prng.below(BODY_SIZE_MAX), step)));
      } else if (choice < 6) await this.#read(key, prng);
      else if (choice < 9) await this.#swap(`${index}.${step}`);
      else await this.#delete(key);
    }
  }

  async #create(key: string, body: Uint8Array): Promise<string> {
    const state = { body, isAcknowledged: false, isDeleted: false };
    this.#keys.set(key, state);
    await this.#attempt(async () => {
      // A refusal is by our own write then, and tells as well that it is there.
      await this.#store.create(key, body);
      state.isAcknowledged = true;
    });
    return key;
  }

  async #read(key: string, prng: Prng): Promise<void> {
    const { body, isAcknowledged, isDeleted } = this.#keys.get(key)!;
    const offset = prng.below(body.length + 1);
    await this.#attempt(async () => {
      const found =
        prng.below(2) === 0
          ? (await this.#store.get(key))?.body
          : await this.#store.getRange(key, { offset, length: 1000 });
      if (found === undefined) {
        assert.equal(isDeleted || !isAcknowledged, true, `${key} is not found`);
        return;
      }
      const isWhole = Buffer.compare(found, body) === 0;
      const isRange = Buffer.compare(found, body.subarray(offset, offset + 1000)) === 0;
      assert.equal(isWhole || isRange, true, `${key} reads other bytes`);
    });
  }

  async #swap(name: string): Promise<void> {
    await this.#attempt(async () => {
      const found = await this.#store.get("head");
      const present = untext(found!.body);
      this.#heads.add(present);
      const body = `${name} < ${present.split(" < ")[0]}`;
      const outcome = await this.#store.swap("head", found!.tag, text(body));
      if (outcome.swapped) this.#heads.add(body);
    });
  }

  async #delete(key: string): Promise<void> {
    this.#keys.get(key)!.isDeleted = true;
    await this.#attempt(() => this.#store.delete(key));
  }

  /** A call may fail for what the day does to it; what it then leaves is in doubt. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#doneCount++;
    } catch (error) {
      if (!(error instanceof ObjectStoreError)) throw error;
      this.#failedCount++;
    }
  }
}
