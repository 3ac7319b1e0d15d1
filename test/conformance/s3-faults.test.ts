/**
 * The S3 driver with its retries on bad days: a proxy of ours in front of a real server delays, resets, cuts, loses
 * answers, repeats requests or lets them come late. What was promised holds, seen from the server itself in the end.
 *
 * The random days follow from a seed; SEED=n runs that one alone.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SystemClock } from "../../src/core/clock.ts";
import { Prng } from "../../src/core/prng.ts";
import { HedgedObjectStore } from "../../src/object/hedged-object-store.ts";
import type { ObjectStore, ObjectStoreError } from "../../src/object/object-store.ts";
import { RetryingObjectStore } from "../../src/object/retrying-object-store.ts";
import { RetryBudget } from "../../src/object/retry-budget.ts";
import { fixedCredentials } from "../../src/object/s3/s3-credentials.ts";
import { S3ObjectStore } from "../../src/object/s3-object-store.ts";
import { FaultProxy, type ProxiedRequest, type WireFault } from "../support/fault-proxy.ts";
import { makeBucket, settingsOf, VERSITYGW, type S3Server } from "../support/s3-servers.ts";
import { FaultyDay } from "./s3-faulty-day.ts";
import { noise, tagOf, text, untext } from "./object-store/fixtures.ts";

const clock = new SystemClock();
/** Long enough for a real answer on a busy machine; each hang is waited for. */
const LIMITS = { connectMs: 5000, idleMs: 1500, firstByteMs: 1500, bytesPerSecondMin: 1000 };
const LARGE_SIZE = 300_000;
const SEEDS = process.env["SEED"] === undefined ? [1, 2, 3] : [Number(process.env["SEED"])];

/** Every fault that a call can meet, and after which it must still come out right. */
const FAULTS: readonly WireFault[] = [
  { kind: "delay", delayMs: 50 },
  { kind: "refuse" },
  { kind: "lose-answer" },
  { kind: "hang" },
  { kind: "hang-after" },
  { kind: "truncate" },
  { kind: "drip" },
  { kind: "status", status: 503, code: "SlowDown" },
  { kind: "status", status: 500, code: "InternalError" },
  { kind: "status-after", status: 500, code: "InternalError" },
  { kind: "apply-late", delayMs: 300 },
];

describe("S3 on bad days", { skip: VERSITYGW.missing ?? false }, () => {
  let server: S3Server;
  let proxy: FaultProxy;
  let bucketCount = 0;
  before(async () => {
    server = await VERSITYGW.start();
    proxy = await FaultProxy.start(server.endpoint);
  });
  after(async () => {
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  function driver(endpoint: URL, bucket: string): S3ObjectStore {
    return new S3ObjectStore({
      settings: settingsOf(endpoint, bucket),
      credentials: fixedCredentials(server.credentials),
      clock,
      limits: LIMITS,
      isKnownExact: true,
    });
  }

  /** A bucket seen through the proxy, as a volume would have it, and from the server itself. */
  async function withBucket(
    use: (stores: { readonly store: ObjectStore; readonly direct: ObjectStore }) => Promise<void>,
  ): Promise<void> {
    const bucket = `bucket-${++bucketCount}`;
    await makeBucket(server, bucket);
    const options = { clock, prng: new Prng(bucketCount), delayFirstMs: 10, delayMaxMs: 200 };
    const budget = new RetryBudget(10_000);
    const hedged = new HedgedObjectStore(driver(proxy.endpoint, bucket), { clock });
    await using store = new RetryingObjectStore(hedged, { ...options, budget });
    await using direct = driver(server.endpoint, bucket);
    try {
      await use({ store, direct });
    } finally {
      proxy.faults = () => undefined;
    }
  }

  for (const fault of FAULTS) {
    const { kind } = fault;
    const name =
      fault.kind.startsWith("status") && "code" in fault ? `${kind} ${fault.code}` : kind;
    it(`does what every call promises when its first request meets: ${name}`, async () => {
      await withBucket(async ({ store, direct }) => {
        await meetOnce(proxy, fault, store, direct);
      });
    });
  }

  it("finds out a whole object that arrived damaged, and fetches it again", async () => {
    await withBucket(async ({ store, direct }) => {
      const body = noise(LARGE_SIZE, 1);
      await direct.create("k", body);
      let corruptedCount = 0;
      proxy.faults = () => (corruptedCount++ < 2 ? { kind: "corrupt" } : undefined);
      assert.equal(Buffer.compare((await store.get("k"))!.body, body), 0);
      assert.equal(corruptedCount, 3);
    });
  });

  it("is refused by its own write when a proxy repeats it, and finds its own bytes there", async () => {
    await withBucket(async ({ store }) => {
      const tag = tagOf(await store.create("head", text("one")));
      proxy.faults = ({ method }) => (method === "PUT" ? { kind: "duplicate" } : undefined);
      assert.deepEqual(await store.create("k", text("mine")), { created: false });
      assert.deepEqual((await store.get("k"))?.body, text("mine"));
      assert.deepEqual(await store.swap("head", tag, text("two")), { swapped: false });
      assert.deepEqual((await store.get("head"))?.body, text("two"));
    });
  });

  it("rides out a storm of refusals, and asks for less meanwhile", async () => {
    await withBucket(async ({ store, direct }) => {
      let left = 60;
      proxy.faults = () =>
        left-- > 0 ? { kind: "status", status: 503, code: "SlowDown" } : undefined;
      const before = proxy.requestCount;
      const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
      const outcomes = await Promise.all(keys.map((key) => store.create(key, text(key))));
      assert.deepEqual(new Set(outcomes.map(({ created }) => created)), new Set([true]));
      assert.equal(proxy.requestCount - before <= 20 + 60, true);
      assert.equal((await direct.list({ prefix: "" })).objects.length, 20);
    });
  });

  it("says what it cannot reach while the server is off, and goes on by itself afterwards", async () => {
    await withBucket(async ({ store }) => {
      await store.create("k", text("x"));
      const { port } = proxy;
      await proxy.hangUp();
      await assert.rejects(store.get("k"), (error: ObjectStoreError) => {
        assert.match(error.message, /get k in s3:\/\/bucket-\d+ at http:\/\/127\.0\.0\.1:\d+: /u);
        return error.code === "ECONNREFUSED" && error.retryable;
      });
      await proxy.listen(port);
      assert.deepEqual((await store.get("k"))?.body, text("x"));
    });
  });

  for (const seed of SEEDS) {
    it(`keeps what was promised through a random day, SEED=${seed}`, async () => {
      await withBucket(async ({ store, direct }) => {
        const day = new FaultyDay(seed, store, direct);
        await direct.create("head", text("start <"));
        const prng = new Prng(seed);
        proxy.faults = (request) => randomFault(prng, request);
        await day.run();
        proxy.faults = () => undefined;
        await proxy.settled();
        await day.check();
      });
    });
  }
});

/** Every kind of call at once, each of whose first request meets the fault. */
async function meetOnce(
  proxy: FaultProxy,
  fault: WireFault,
  store: ObjectStore,
  direct: ObjectStore,
): Promise<void> {
  const body = noise(LARGE_SIZE, 3);
  const small = text("0123456789");
  for (const key of ["get", "range", "head", "list", "delete"]) await direct.create(key, small);
  for (const key of ["many/1", "many/2"]) await direct.create(key, small);
  const tag = tagOf(await direct.create("swap", text("one")));
  const met = new Set<string>();
  proxy.faults = ({ method, path }) => {
    // The key, or what a request about the bucket asks for.
    const what = `${method} ${path}`;
    if (met.has(what)) return undefined;
    met.add(what);
    return fault;
  };
  await Promise.all([
    store.create("create", body).then((outcome) => assert.equal(outcome.created, true)),
    store
      .createFromFile("file", import.meta.filename)
      .then((outcome) => assert.equal(outcome.created, true)),
    store.swap("swap", tag, text("two")).then((outcome) => assert.equal(outcome.swapped, true)),
    store.get("get").then((found) => assert.deepEqual(found?.body, small)),
    store
      .getRange("range", { offset: 3, length: 4 })
      .then((bytes) => assert.deepEqual(bytes, text("3456"))),
    store.head("head").then((info) => assert.equal(info?.size, 10)),
    store.list({ prefix: "list" }).then(({ objects }) =>
      assert.deepEqual(
        objects.map(({ key }) => key),
        ["list"],
      ),
    ),
    store.get("absent").then((found) => assert.equal(found, undefined)),
    store.delete("delete"),
    store.deleteMany(["many/1", "many/2"]),
  ]);
  assert.equal(met.size >= 9, true, [...met].join(", "));
  await proxy.settled();
  assert.equal(Buffer.compare((await direct.get("create"))!.body, body), 0);
  assert.equal(untext((await direct.get("swap"))!.body), "two");
  for (const key of ["delete", "many/1", "many/2"]) {
    assert.equal(await direct.head(key), undefined, key);
  }
}

/** Two requests of three pass. Damage is put only into what a checksum covers. */
function randomFault(prng: Prng, request: ProxiedRequest): WireFault | undefined {
  if (prng.fraction() > 1 / 3) return undefined;
  const faults: readonly WireFault[] = [
    ...FAULTS.filter(({ kind }) => kind !== "hang" && kind !== "hang-after" && kind !== "drip"),
    { kind: "duplicate" },
    { kind: "delay", delayMs: prng.below(100) },
    { kind: "apply-late", delayMs: prng.below(1000) },
  ];
  const isWholeGet =
    request.method === "GET" && !request.hasRange && !request.path.includes("list-type");
  if (isWholeGet && prng.below(5) === 0) return { kind: "corrupt" };
  // Each of these is waited for.
  if (prng.below(25) === 0) return { kind: prng.below(2) === 0 ? "hang" : "hang-after" };
  return faults[prng.below(faults.length)];
}
