import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { SystemClock } from "../core/clock.ts";
import { toPackId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { Prng } from "../core/prng.ts";
import {
  MemoryObjectStore,
  type StoreCall,
  type StoreFault,
} from "../object/memory-object-store.ts";
import { CACHE_UNIT_SIZE } from "./cache-map.ts";
import { MissingPackError, PackCache, type FetchRange, type PackCacheOptions } from "./cache.ts";
import { packKey, packPath } from "./pack-name.ts";
import { noiseBlock } from "../../test/support/pack-fixture.ts";

const UNIT = CACHE_UNIT_SIZE;
const TIMELINE = "00112233445566778899aabbccddeeff";
const PACK = toPackId(1);
const clock = new SystemClock();
const roots: string[] = [];
after(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

interface World {
  readonly directory: string;
  readonly store: MemoryObjectStore;
  readonly calls: string[];
  fault: ((call: StoreCall) => StoreFault | undefined) | undefined;
  readonly bodies: Map<number, Uint8Array>;
}

async function makeWorld(sizes: readonly number[]): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), "shoal-cache-"));
  roots.push(directory);
  const calls: string[] = [];
  const faults = (call: StoreCall): StoreFault | undefined => {
    calls.push(call.method);
    return world.fault?.(call);
  };
  const store = new MemoryObjectStore({ clock, faults });
  const bodies = new Map<number, Uint8Array>();
  const world: World = { directory, store, calls, fault: undefined, bodies };
  for (const [i, size] of sizes.entries()) {
    bodies.set(i + 1, noiseBlock(new Prng(i), size));
    await store.create(packKey(TIMELINE, toPackId(i + 1)), bodies.get(i + 1)!);
  }
  calls.length = 0;
  return world;
}

function openCache(world: World, options: Partial<PackCacheOptions> = {}): Promise<PackCache> {
  return PackCache.open({
    directory: world.directory,
    store: world.store,
    clock,
    log: silentLog,
    sizeMax: 64 * UNIT,
    freeSizeMin: 0,
    ...options,
  });
}

function range(
  offset: number | undefined,
  length: number,
  more: Partial<FetchRange> = {},
): FetchRange {
  return { offset, length, packSize: undefined, signal: undefined, ...more };
}

const pathOf = (world: World, pack: number, suffix = ""): string =>
  join(world.directory, packPath(TIMELINE, toPackId(pack))) + suffix;

describe("pack cache", () => {
  it("fetches what is missing, in whole units, once", async () => {
    const world = await makeWorld([5 * UNIT + 100]);
    await using cache = await openCache(world);
    const wanted = range(UNIT + 10, UNIT, { packSize: 5 * UNIT + 100 });
    assert.equal(await cache.ensure(TIMELINE, PACK, wanted), true);
    assert.deepEqual(world.calls, ["getRange"]);
    assert.equal(cache.stats().fetchedSize, 2 * UNIT);
    assert.equal(cache.isResident(TIMELINE, PACK, UNIT, 2 * UNIT), true);
    assert.equal(cache.isResident(TIMELINE, PACK, UNIT - 1, 2), false);
    assert.equal(await cache.ensure(TIMELINE, PACK, wanted), true);
    assert.deepEqual(world.calls, ["getRange"]);
    const file = readFileSync(pathOf(world, 1, ".part"));
    assert.equal(file.length, 5 * UNIT + 100);
    assert.deepEqual(
      new Uint8Array(file.subarray(UNIT, 3 * UNIT)),
      world.bodies.get(1)!.subarray(UNIT, 3 * UNIT),
    );
  });

  it("asks for the size when it is not told, and takes a range from the end", async () => {
    const world = await makeWorld([5 * UNIT + 100]);
    await using cache = await openCache(world);
    assert.equal(await cache.ensure(TIMELINE, PACK, range(undefined, UNIT)), true);
    assert.deepEqual(world.calls, ["head", "getRange"]);
    assert.equal(cache.isResident(TIMELINE, PACK, 4 * UNIT, UNIT + 100), true);
    assert.equal(cache.stats().size, 2 * UNIT);
  });

  it("becomes one whole file when the last unit arrives", async () => {
    const world = await makeWorld([3 * UNIT + 1]);
    await using cache = await openCache(world);
    await cache.ensure(TIMELINE, PACK, range(0, UNIT));
    assert.deepEqual(readdirSync(join(pathOf(world, 1), "..")).sort(), [
      "0000000001.map",
      "0000000001.part",
    ]);
    await cache.ensure(TIMELINE, PACK, range(0, 3 * UNIT + 1));
    assert.deepEqual(readdirSync(join(pathOf(world, 1), "..")), ["0000000001"]);
    assert.deepEqual(new Uint8Array(readFileSync(pathOf(world, 1))), world.bodies.get(1));
  });

  it("merges near gaps into one get and splits far ones", async () => {
    const world = await makeWorld([40 * UNIT]);
    await using cache = await openCache(world);
    await cache.ensure(TIMELINE, PACK, range(2 * UNIT, UNIT));
    await cache.ensure(TIMELINE, PACK, range(0, 4 * UNIT));
    assert.equal(cache.stats().fetchCount, 2);
    await cache.ensure(TIMELINE, PACK, range(10 * UNIT, 10 * UNIT));
    await cache.ensure(TIMELINE, PACK, range(0, 30 * UNIT));
    assert.equal(cache.stats().fetchCount, 5);
  });

  it("lets many wait for one get", async () => {
    const world = await makeWorld([8 * UNIT]);
    world.fault = () => ({ kind: "delay", delayMs: 5 });
    await using cache = await openCache(world);
    const all = Array.from({ length: 10 }, (_, i) =>
      cache.ensure(TIMELINE, PACK, range(i * 100, 2 * UNIT)),
    );
    assert.deepEqual(await Promise.all(all), Array<boolean>(10).fill(true));
    assert.deepEqual(world.calls.filter((method) => method === "head").length, 1);
    assert.ok(cache.stats().fetchedSize <= 3 * UNIT);
  });

  it("lets one waiter go without failing the others, and aborts the get with the last", async () => {
    const world = await makeWorld([8 * UNIT]);
    world.fault = () => ({ kind: "delay", delayMs: 20 });
    await using cache = await openCache(world);
    const leaving = new AbortController();
    const known = { packSize: 8 * UNIT };
    const left = cache.ensure(TIMELINE, PACK, range(0, UNIT, { ...known, signal: leaving.signal }));
    const stays = cache.ensure(TIMELINE, PACK, range(0, UNIT, known));
    leaving.abort(new Error("left"));
    await assert.rejects(left, { message: "left" });
    assert.equal(await stays, true);
    const alone = new AbortController();
    const lost = cache.ensure(TIMELINE, PACK, range(4 * UNIT, UNIT, { signal: alone.signal }));
    await clock.sleep(1);
    alone.abort(new Error("alone"));
    const next = cache.ensure(TIMELINE, PACK, range(4 * UNIT, UNIT));
    await assert.rejects(lost, { message: "alone" });
    assert.equal(await next, true);
  });

  it("passes on the store's error to all who wait, and asks again the next time", async () => {
    const world = await makeWorld([8 * UNIT]);
    await using cache = await openCache(world);
    world.fault = ({ method }) =>
      method === "getRange" ? { kind: "fail-before", error: new Error("no network") } : undefined;
    const both = [0, 1].map(() => cache.ensure(TIMELINE, PACK, range(0, UNIT)));
    for (const one of both) await assert.rejects(one, { message: "no network" });
    assert.equal(cache.stats().packCount, 0);
    world.fault = undefined;
    assert.equal(await cache.ensure(TIMELINE, PACK, range(0, UNIT)), true);
  });

  it("says so when the store has no such pack, with and without its size", async () => {
    const world = await makeWorld([]);
    await using cache = await openCache(world);
    await assert.rejects(cache.ensure(TIMELINE, PACK, range(0, 1)), MissingPackError);
    await assert.rejects(
      cache.ensure(TIMELINE, PACK, range(0, 1, { packSize: 5 })),
      MissingPackError,
    );
    assert.equal(cache.stats().packCount, 0);
  });

  it("refuses a range past the pack, and a pack that the store cut short", async () => {
    const world = await makeWorld([UNIT]);
    await using cache = await openCache(world);
    await assert.rejects(cache.ensure(TIMELINE, PACK, range(UNIT, 1)), { code: "EIO" });
    const more = range(0, 2 * UNIT, { packSize: 2 * UNIT });
    await assert.rejects(cache.ensure(TIMELINE, PACK, more), { message: /gave 65536 bytes at 0/ });
  });

  it("evicts the least used first and stays under its limit", async () => {
    const world = await makeWorld([4 * UNIT, 4 * UNIT, 4 * UNIT]);
    await using cache = await openCache(world, { sizeMax: 8 * UNIT });
    const fetch = (pack: number): Promise<boolean> =>
      cache.ensure(TIMELINE, toPackId(pack), range(0, 4 * UNIT));
    await fetch(1);
    await fetch(2);
    await clock.sleep(10);
    await fetch(1);
    await fetch(3);
    assert.deepEqual(
      [1, 2, 3].map((pack) => existsSync(pathOf(world, pack))),
      [true, false, true],
    );
    assert.equal(cache.stats().size, 8 * UNIT);
    assert.equal(cache.stats().evictionCount, 1);
  });

  it("sees a use by another thread in the file's mtime", async () => {
    const world = await makeWorld([4 * UNIT, 4 * UNIT, 4 * UNIT]);
    await using cache = await openCache(world, { sizeMax: 8 * UNIT });
    await cache.ensure(TIMELINE, toPackId(1), range(0, 4 * UNIT));
    await cache.ensure(TIMELINE, toPackId(2), range(0, 4 * UNIT));
    const later = clock.nowMs() / 1000 + 5;
    utimesSync(pathOf(world, 1), later, later);
    await cache.ensure(TIMELINE, toPackId(3), range(0, 4 * UNIT));
    assert.deepEqual(
      [1, 2].map((pack) => existsSync(pathOf(world, pack))),
      [true, false],
    );
  });

  it("never evicts what is pinned, and answers false when nothing else can go", async () => {
    const world = await makeWorld([4 * UNIT, 4 * UNIT]);
    await using cache = await openCache(world, { sizeMax: 4 * UNIT });
    await cache.ensure(TIMELINE, toPackId(1), range(0, 4 * UNIT));
    assert.equal(cache.pin(TIMELINE, toPackId(1)), true);
    assert.equal(cache.pin(TIMELINE, toPackId(2)), false);
    assert.equal(await cache.ensure(TIMELINE, toPackId(2), range(0, UNIT)), false);
    assert.equal(cache.stats().packCount, 1);
    cache.unpin(TIMELINE, toPackId(1));
    assert.equal(await cache.ensure(TIMELINE, toPackId(2), range(0, UNIT)), true);
    assert.equal(existsSync(pathOf(world, 1)), false);
  });

  it("shrinks when the disk runs low and takes nothing more while it is", async () => {
    const world = await makeWorld([4 * UNIT, 4 * UNIT]);
    let free = 100 * UNIT;
    await using cache = await openCache(world, { freeSizeMin: 10 * UNIT, freeSize: () => free });
    await cache.ensure(TIMELINE, toPackId(1), range(0, 4 * UNIT));
    free = 9 * UNIT;
    assert.equal(await cache.ensure(TIMELINE, toPackId(2), range(0, UNIT)), false);
    assert.equal(cache.stats().packCount, 0);
    free = 11 * UNIT;
    assert.equal(await cache.ensure(TIMELINE, toPackId(2), range(0, UNIT)), true);
  });

  it("finds everything again after a restart, in the order of use", async () => {
    const world = await makeWorld([4 * UNIT, 4 * UNIT, 4 * UNIT]);
    {
      await using cache = await openCache(world);
      await cache.ensure(TIMELINE, toPackId(1), range(0, 4 * UNIT));
      await cache.ensure(TIMELINE, toPackId(2), range(UNIT, UNIT));
      const old = clock.nowMs() / 1000 - 100;
      utimesSync(pathOf(world, 2, ".part"), old, old);
    }
    world.calls.length = 0;
    await using cache = await openCache(world, { sizeMax: 8 * UNIT });
    assert.equal(cache.stats().size, 5 * UNIT);
    assert.equal(await cache.ensure(TIMELINE, toPackId(2), range(UNIT, UNIT)), true);
    assert.deepEqual(world.calls, []);
    await cache.ensure(TIMELINE, toPackId(3), range(0, 4 * UNIT));
    assert.equal(cache.stats().packCount, 2);
  });

  it("counts nothing as present that a crash may have left half written", async () => {
    const world = await makeWorld([4 * UNIT, 4 * UNIT, 4 * UNIT, 4 * UNIT, 4 * UNIT]);
    {
      await using cache = await openCache(world);
      for (const pack of [1, 2, 3, 4]) {
        await cache.ensure(TIMELINE, toPackId(pack), range(UNIT, UNIT));
      }
      await cache.ensure(TIMELINE, toPackId(5), range(0, 4 * UNIT));
    }
    rmSync(pathOf(world, 1, ".map"));
    const map = readFileSync(pathOf(world, 2, ".map"));
    map[24]! ^= 1;
    writeFileSync(pathOf(world, 2, ".map"), map);
    truncateSync(pathOf(world, 3, ".part"), 2 * UNIT);
    rmSync(pathOf(world, 4, ".part"));
    writeFileSync(pathOf(world, 5, ".part"), "left when it became whole");
    writeFileSync(join(world.directory, "not-ours"), "stays");
    await using cache = await openCache(world);
    assert.equal(cache.stats().packCount, 1);
    assert.deepEqual(readdirSync(join(pathOf(world, 1), "..")), ["0000000005"]);
    assert.equal(existsSync(join(world.directory, "not-ours")), true);
    assert.equal(await cache.ensure(TIMELINE, toPackId(1), range(UNIT, UNIT)), true);
  });

  it("takes a staged pack by renaming it, over what it had fetched of it", async () => {
    const world = await makeWorld([4 * UNIT]);
    await using cache = await openCache(world);
    await cache.ensure(TIMELINE, PACK, range(0, UNIT));
    const staged = join(world.directory, "staged");
    writeFileSync(staged, world.bodies.get(1)!);
    const { ino } = statSync(staged);
    assert.equal(cache.adopt(TIMELINE, PACK, staged), true);
    assert.equal(statSync(pathOf(world, 1)).ino, ino);
    assert.deepEqual(readdirSync(join(pathOf(world, 1), "..")), ["0000000001"]);
    assert.equal(cache.isResident(TIMELINE, PACK, 0, 4 * UNIT), true);
    assert.equal(cache.stats().size, 4 * UNIT);
    assert.throws(() => cache.adopt(TIMELINE, PACK, staged), { code: "ENOENT" });
  });

  it("drops a range, also of a whole file, and fetches just that again", async () => {
    const world = await makeWorld([4 * UNIT]);
    await using cache = await openCache(world);
    await cache.ensure(TIMELINE, PACK, range(0, 4 * UNIT));
    cache.drop(TIMELINE, PACK, UNIT + 5, 10);
    assert.equal(cache.stats().size, 3 * UNIT);
    assert.equal(cache.isResident(TIMELINE, PACK, UNIT, 1), false);
    assert.equal(await cache.ensure(TIMELINE, PACK, range(0, 4 * UNIT)), true);
    assert.equal(cache.stats().fetchedSize, 5 * UNIT);
    assert.deepEqual(new Uint8Array(readFileSync(pathOf(world, 1))), world.bodies.get(1));
  });

  it("removes a pack while it is being fetched, and leaves no file behind", async () => {
    const world = await makeWorld([4 * UNIT]);
    world.fault = () => ({ kind: "delay", delayMs: 5 });
    await using cache = await openCache(world);
    const fetching = cache.ensure(TIMELINE, PACK, range(0, UNIT, { packSize: 4 * UNIT }));
    await clock.sleep(1);
    cache.remove(TIMELINE, PACK);
    assert.equal(await fetching, false);
    assert.deepEqual(readdirSync(world.directory, { recursive: true }), []);
    assert.equal(cache.stats().size, 0);
  });

  it("keeps its count of bytes true through any sequence of steps", async () => {
    const prng = new Prng(77);
    const world = await makeWorld([4 * UNIT, 7 * UNIT + 3, 2 * UNIT, 9 * UNIT]);
    await using cache = await openCache(world, { sizeMax: 14 * UNIT });
    for (let step = 0; step < 300; step++) {
      const pack = 1 + prng.below(4);
      const size = world.bodies.get(pack)!.length;
      const offset = prng.below(size);
      const length = 1 + prng.below(size - offset);
      if (prng.below(8) === 0) cache.drop(TIMELINE, toPackId(pack), offset, length);
      else if (prng.below(20) === 0) cache.remove(TIMELINE, toPackId(pack));
      else await checkedEnsure(world, cache, { pack, offset, length });
      assert.ok(cache.stats().size <= 14 * UNIT);
    }
  });
});

async function checkedEnsure(
  world: World,
  cache: PackCache,
  wanted: { readonly pack: number; readonly offset: number; readonly length: number },
): Promise<void> {
  const { pack, offset, length } = wanted;
  assert.equal(await cache.ensure(TIMELINE, toPackId(pack), range(offset, length)), true);
  const whole = pathOf(world, pack);
  const file = readFileSync(existsSync(whole) ? whole : `${whole}.part`);
  const expected = world.bodies.get(pack)!.subarray(offset, offset + length);
  assert.equal(Buffer.compare(file.subarray(offset, offset + length), expected), 0);
}
