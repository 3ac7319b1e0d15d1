import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { SystemClock } from "../core/clock.ts";
import { toPackId, type PackId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { Prng } from "../core/prng.ts";
import { MemoryObjectStore } from "../object/memory-object-store.ts";
import { MissingPackError, PackCache, type PackCacheOptions } from "./cache.ts";
import { PackFetcher } from "./fetcher.ts";
import { FrameCache } from "./frame-cache.ts";
import {
  OPEN_COUNT_MAX_DEFAULT,
  PackLocator,
  ReadOutcome,
  type PackLocatorOptions,
} from "./locator.ts";
import { packKey, packPath } from "./pack-name.ts";
import {
  IDENTITY,
  makePack,
  noiseBlock,
  textBlock,
  type FixturePack,
} from "../../test/support/pack-fixture.ts";

const KIB = 1024;
const FRAME = 128 * KIB;
const { timeline, volume } = IDENTITY;
const clock = new SystemClock();
const roots: string[] = [];
after(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

const prng = new Prng(40);
/** Noise, so that stored and plain offsets go together, then text, then many small blocks. */
const BLOCKS: readonly Uint8Array[] = [
  noiseBlock(prng, 5 * FRAME + 77),
  textBlock(prng, 3 * FRAME),
  ...Array.from({ length: 300 }, () => textBlock(prng, 1 + prng.below(4000))),
];

interface World {
  readonly root: string;
  readonly cacheDirectory: string;
  readonly stagingDirectory: string;
  readonly store: MemoryObjectStore;
  readonly calls: string[];
}

function makeWorld(): World {
  const root = mkdtempSync(join(tmpdir(), "shoal-fetch-"));
  roots.push(root);
  const cacheDirectory = join(root, "cache");
  const stagingDirectory = join(root, "staging");
  mkdirSync(cacheDirectory);
  mkdirSync(stagingDirectory);
  const calls: string[] = [];
  const faults = ({ method }: { method: string }): undefined => void calls.push(method);
  const store = new MemoryObjectStore({ clock, faults });
  return { root, cacheDirectory, stagingDirectory, store, calls };
}

async function putPack(world: World, pack: PackId): Promise<FixturePack> {
  const made = makePack(BLOCKS, "adaptive", { ...IDENTITY, pack });
  await world.store.create(packKey(timeline, pack), made.bytes);
  world.calls.length = 0;
  return made;
}

function makeLocator(world: World, options: Partial<PackLocatorOptions> = {}): PackLocator {
  const { cacheDirectory, stagingDirectory } = world;
  return new PackLocator({
    volume,
    stagingDirectory,
    storeDirectory: undefined,
    cacheDirectory,
    frames: new FrameCache(),
    clock,
    ...options,
  });
}

function openCache(world: World, options: Partial<PackCacheOptions> = {}): Promise<PackCache> {
  return PackCache.open({
    directory: world.cacheDirectory,
    store: world.store,
    clock,
    log: silentLog,
    sizeMax: 64 * KIB * KIB,
    freeSizeMin: 0,
    ...options,
  });
}

function makeFetcher(world: World, cache: PackCache, locator = makeLocator(world)): PackFetcher {
  return new PackFetcher({ store: world.store, cache, locator, frames: new FrameCache() });
}

async function fetchAndCheck(fetcher: PackFetcher, pack: PackId, block: number): Promise<void> {
  const plain = BLOCKS[block]!;
  const into = new Uint8Array(plain.length);
  await fetcher.read(timeline, pack, { block, blockOffset: 0, length: plain.length }, into);
  assert.equal(Buffer.compare(into, plain), 0);
}

function readLocal(locator: PackLocator, pack: PackId, block: number): ReadOutcome {
  const plain = BLOCKS[block]!;
  const into = new Uint8Array(plain.length);
  const outcome = locator.readSync(timeline, pack, block, 0, plain.length, into, 0);
  if (outcome === ReadOutcome.done) assert.equal(Buffer.compare(into, plain), 0);
  return outcome;
}

function place(root: string, path: string, bytes: Uint8Array): string {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, bytes);
  return full;
}

const PACK = toPackId(1);

describe("pack locator", () => {
  it("reads from staging, from a file store in place, and from the cache", () => {
    const { bytes } = makePack(BLOCKS, "lz4", { ...IDENTITY, pack: PACK });
    const world = makeWorld();
    const places = [
      [world.stagingDirectory, packPath(timeline, PACK)],
      [join(world.root, "store"), packKey(timeline, PACK)],
      [world.cacheDirectory, packPath(timeline, PACK)],
    ] as const;
    for (const [root, path] of places) {
      using locator = makeLocator(world, { storeDirectory: join(world.root, "store") });
      assert.equal(readLocal(locator, PACK, 1), ReadOutcome.mustFetch);
      const full = place(root, path, bytes);
      for (const block of [0, 1, 2, 301]) {
        assert.equal(readLocal(locator, PACK, block), ReadOutcome.done);
      }
      rmSync(full);
      assert.equal(readLocal(locator, PACK, 0), ReadOutcome.done, "an open file stays readable");
      locator.forget(timeline, PACK);
      assert.equal(readLocal(locator, PACK, 0), ReadOutcome.mustFetch);
    }
  });

  it("says exactly which stored bytes are missing when the index is known", () => {
    const { index, tail, size } = makePack(BLOCKS, "none", { ...IDENTITY, pack: PACK });
    const world = makeWorld();
    using locator = makeLocator(world, { knownTail: () => ({ tail, packSize: size }) });
    const into = new Uint8Array(2 * FRAME);
    const outcome = locator.readSync(timeline, PACK, 0, FRAME - 1, FRAME + 2, into, 0);
    assert.equal(outcome, ReadOutcome.mustFetch);
    assert.deepEqual(locator.missing, {
      offset: index.frameOffsets[0],
      length: 3 * FRAME,
      packSize: size,
    });
  });

  it("throws for damage in staging or in the store, for they have no better copy", () => {
    const { bytes } = makePack(BLOCKS, "none", { ...IDENTITY, pack: PACK });
    const world = makeWorld();
    bytes[100]! ^= 1;
    place(world.stagingDirectory, packPath(timeline, PACK), bytes);
    using locator = makeLocator(world);
    assert.throws(() => readLocal(locator, PACK, 0), { message: /block 0, frame 0 is damaged/ });
    assert.equal(readLocal(locator, PACK, 1), ReadOutcome.done);
  });

  it("refuses a file that is another pack", () => {
    const { bytes } = makePack(BLOCKS, "none", { ...IDENTITY, pack: toPackId(2) });
    const world = makeWorld();
    place(world.stagingDirectory, packPath(timeline, PACK), bytes);
    using locator = makeLocator(world);
    assert.throws(() => readLocal(locator, PACK, 0), { message: /its bytes are pack 2/ });
  });

  it("holds a bounded number of descriptors, whatever it reads", () => {
    const world = makeWorld();
    using locator = makeLocator(world);
    const small = [new Uint8Array([1, 2, 3])];
    for (let n = 1; n <= OPEN_COUNT_MAX_DEFAULT + 20; n++) {
      const { bytes } = makePack(small, "none", { ...IDENTITY, pack: toPackId(n) });
      place(world.stagingDirectory, packPath(timeline, toPackId(n)), bytes);
    }
    const into = new Uint8Array(3);
    for (let round = 0; round < 2; round++) {
      for (let n = 1; n <= OPEN_COUNT_MAX_DEFAULT + 20; n++) {
        into.fill(0);
        const outcome = locator.readSync(timeline, toPackId(n), 0, 0, 3, into, 0);
        assert.equal(outcome, ReadOutcome.done);
        assert.deepEqual(into, small[0]);
        assert.ok(locator.openCount <= OPEN_COUNT_MAX_DEFAULT);
      }
    }
    assert.equal(locator.openCount, OPEN_COUNT_MAX_DEFAULT);
  });

  it("holds a bounded number of bytes of indexes, and reads on at any limit", () => {
    const world = makeWorld();
    const packs = [1, 2, 3, 4].map(toPackId);
    let memorySize = 0;
    for (const pack of packs) {
      const { bytes, index } = makePack(BLOCKS, "none", { ...IDENTITY, pack });
      place(world.stagingDirectory, packPath(timeline, pack), bytes);
      memorySize = index.memorySize;
    }
    for (const [indexSizeMax, held] of [
      [2 * memorySize, 2],
      [0, 1],
    ] as const) {
      using locator = makeLocator(world, { indexSizeMax, openCountMax: 1 });
      for (let round = 0; round < 2; round++) {
        for (const pack of packs) assert.equal(readLocal(locator, pack, 2), ReadOutcome.done);
      }
      assert.equal(locator.indexSize, held * memorySize);
      assert.equal(locator.openCount, 1);
    }
  });

  it("marks a use in the mtime of a cache file, and of no other", () => {
    const { bytes } = makePack(BLOCKS, "none", { ...IDENTITY, pack: PACK });
    const world = makeWorld();
    for (const root of [world.stagingDirectory, world.cacheDirectory]) {
      const path = place(root, packPath(timeline, PACK), bytes);
      utimesSync(path, 1000, 1000);
      using locator = makeLocator(world);
      assert.equal(readLocal(locator, PACK, 0), ReadOutcome.done);
      assert.equal(statSync(path).mtimeMs > 1_000_000, root === world.cacheDirectory);
      rmSync(path);
    }
  });
});

describe("pack fetcher", () => {
  it("fetches tail and frames, then serves from the cache, in its own thread and in others", async () => {
    const world = makeWorld();
    await putPack(world, PACK);
    await using cache = await openCache(world);
    using engine = makeLocator(world);
    assert.equal(readLocal(engine, PACK, 1), ReadOutcome.mustFetch);
    const fetcher = makeFetcher(world, cache);
    await fetchAndCheck(fetcher, PACK, 1);
    assert.deepEqual(world.calls, ["head", "getRange", "getRange"]);
    assert.equal(readLocal(engine, PACK, 1), ReadOutcome.done);
    assert.equal(readLocal(engine, PACK, 0), ReadOutcome.mustFetch);
    for (let block = 0; block < BLOCKS.length; block++) {
      await fetchAndCheck(fetcher, PACK, block);
      assert.equal(readLocal(engine, PACK, block), ReadOutcome.done);
    }
    assert.equal(existsSync(join(world.cacheDirectory, packPath(timeline, PACK))), true);
  });

  it("makes one request when the index is known from elsewhere", async () => {
    const world = makeWorld();
    const { tail, size } = await putPack(world, PACK);
    await using cache = await openCache(world);
    using locator = makeLocator(world, { knownTail: () => ({ tail, packSize: size }) });
    await fetchAndCheck(makeFetcher(world, cache, locator), PACK, 5);
    assert.deepEqual(world.calls, ["getRange"]);
  });

  it("reads past the cache when there is no room in it", async () => {
    const world = makeWorld();
    await putPack(world, PACK);
    await using cache = await openCache(world, { sizeMax: 0 });
    const fetcher = makeFetcher(world, cache);
    for (const block of [0, 1, 200]) await fetchAndCheck(fetcher, PACK, block);
    const into = new Uint8Array(10);
    await fetcher.read(timeline, PACK, { block: 1, blockOffset: FRAME - 5, length: 10 }, into);
    assert.deepEqual(into, BLOCKS[1]!.slice(FRAME - 5, FRAME + 5));
    assert.equal(cache.stats().size, 0);
  });

  it("drops and fetches again what is damaged in the cache: a frame, the index, the file's length", async () => {
    const world = makeWorld();
    const { bytes, index } = await putPack(world, PACK);
    const path = join(world.cacheDirectory, packPath(timeline, PACK));
    const harms: readonly (() => void)[] = [
      () => flipByte(path, index.frameOffsets[1]! + 9),
      () => flipByte(path, bytes.length - 200),
      () => flipByte(path, bytes.length - 1),
      () => truncateSync(path, 1000),
      () => truncateSync(path, 0),
      () => {
        // As if the machine had crashed before the sparse file's data was written.
        rmSync(path);
        writeFileSync(path, new Uint8Array(bytes.length));
      },
    ];
    for (const harm of harms) {
      place(world.cacheDirectory, packPath(timeline, PACK), bytes);
      harm();
      await using cache = await openCache(world);
      using engine = makeLocator(world);
      const before = readLocal(engine, PACK, 0);
      assert.notEqual(before, ReadOutcome.done);
      await fetchAndCheck(makeFetcher(world, cache), PACK, 0);
      assert.equal(readLocal(engine, PACK, 0), ReadOutcome.done);
    }
  });

  it("serves a block all of whose frames are damaged in the cache, and again from the cache after that", async () => {
    const world = makeWorld();
    const { bytes, index } = await putPack(world, PACK);
    const harmed = bytes.slice();
    for (let frame = 0; frame < 6; frame++) harmed[index.frameOffsets[frame]! + 1]! ^= 1;
    place(world.cacheDirectory, packPath(timeline, PACK), harmed);
    await using cache = await openCache(world);
    const fetcher = makeFetcher(world, cache);
    await fetchAndCheck(fetcher, PACK, 0);
    await fetchAndCheck(fetcher, PACK, 0);
    using engine = makeLocator(world);
    assert.equal(readLocal(engine, PACK, 0), ReadOutcome.done);
  });

  it("fetches again what somebody removed from the cache, and reads past a cache that is gone", async () => {
    const world = makeWorld();
    await putPack(world, PACK);
    await using cache = await openCache(world);
    const fetcher = makeFetcher(world, cache);
    const path = join(world.cacheDirectory, packPath(timeline, PACK));
    await fetchAndCheck(fetcher, PACK, 0);
    rmSync(`${path}.map`);
    await fetchAndCheck(fetcher, PACK, 1);
    await fetchAndCheck(makeFetcher(world, cache), PACK, 0);
    rmSync(world.cacheDirectory, { recursive: true });
    await fetchAndCheck(makeFetcher(world, cache), PACK, 0);
    await fetchAndCheck(makeFetcher(world, cache), PACK, 1);
  });

  it("finds a file of a wrong length although the index is known from elsewhere", async () => {
    const world = makeWorld();
    const { bytes, tail, size } = await putPack(world, PACK);
    const path = place(world.cacheDirectory, packPath(timeline, PACK), bytes);
    truncateSync(path, 5000);
    await using cache = await openCache(world);
    using locator = makeLocator(world, { knownTail: () => ({ tail, packSize: size }) });
    await fetchAndCheck(makeFetcher(world, cache, locator), PACK, 0);
  });

  it("names pack, block and frame when the store's own bytes are damaged, and serves the rest", async () => {
    for (const sizeMax of [0, 64 * KIB * KIB]) {
      const world = makeWorld();
      const { bytes, index } = makePack(BLOCKS, "lz4", { ...IDENTITY, pack: PACK });
      bytes[index.frameOffsets[2]! + 1]! ^= 0x80;
      await world.store.create(packKey(timeline, PACK), bytes);
      await using cache = await openCache(world, { sizeMax });
      const fetcher = makeFetcher(world, cache);
      await assert.rejects(fetchAndCheck(fetcher, PACK, 0), {
        code: "EIO",
        message: /pack 1 of timeline f0f1.*: block 0, frame 2 is damaged/,
      });
      await fetchAndCheck(fetcher, PACK, 1);
    }
  });

  it("says that the store has no such pack", async () => {
    for (const sizeMax of [0, 64 * KIB * KIB]) {
      const world = makeWorld();
      await using cache = await openCache(world, { sizeMax });
      await assert.rejects(fetchAndCheck(makeFetcher(world, cache), PACK, 0), MissingPackError);
    }
  });

  it("serves a pack while it moves from staging into the cache", async () => {
    const world = makeWorld();
    const { bytes } = await putPack(world, PACK);
    const staged = place(world.stagingDirectory, packPath(timeline, PACK), bytes);
    await using cache = await openCache(world);
    using engine = makeLocator(world);
    assert.equal(readLocal(engine, PACK, 0), ReadOutcome.done);
    assert.equal(cache.adopt(timeline, PACK, staged), true);
    assert.equal(readLocal(engine, PACK, 1), ReadOutcome.done);
    using fresh = makeLocator(world);
    assert.equal(readLocal(fresh, PACK, 1), ReadOutcome.done);
    assert.deepEqual(world.calls, []);
  });

  for (const seed of [101, 102, 105]) {
    it(`gives right bytes through random reads, damage, evictions and restarts, SEED=${seed}`, () =>
      torture(seed));
  }
});

async function torture(seed: number): Promise<void> {
  const world = makeWorld();
  const random = new Prng(seed);
  const packs = [1, 2, 3].map(toPackId);
  for (const pack of packs) await putPack(world, pack);
  using engine = makeLocator(world);
  for (let round = 0; round < 6; round++) {
    await using cache = await openCache(world, { sizeMax: 2 * KIB * KIB });
    using locator = makeLocator(world);
    const fetcher = makeFetcher(world, cache, locator);
    for (let step = 0; step < 60; step++) {
      const pack = packs[random.below(packs.length)]!;
      const block = random.below(BLOCKS.length);
      if (readLocal(engine, pack, block) !== ReadOutcome.done) {
        await fetchAndCheck(fetcher, pack, block);
      }
      if (random.below(6) === 0) harmCache(world, pack, random);
    }
  }
}

function flipByte(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 0x10;
  writeFileSync(path, bytes);
}

/** Damages a byte of what the cache has of a pack, or loses its map. */
function harmCache(world: World, pack: PackId, random: Prng): void {
  const path = join(world.cacheDirectory, packPath(timeline, pack));
  const file = existsSync(path) ? path : `${path}.part`;
  if (!existsSync(file)) return;
  if (random.below(4) === 0 && existsSync(`${path}.map`)) {
    renameSync(`${path}.map`, `${path}.map.lost`);
    rmSync(`${path}.map.lost`);
    return;
  }
  flipByte(file, random.below(statSync(file).size));
}
