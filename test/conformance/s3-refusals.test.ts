/** What real servers refuse, and what a user is told: no bucket, no permission, a wrong clock or region, foreign keys. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SystemClock, type Clock, type Timestamp } from "../../src/core/clock.ts";
import type { ObjectStoreError } from "../../src/object/object-store.ts";
import { bodyOfBytes } from "../../src/object/s3/object-body.ts";
import { fixedCredentials, type S3Credentials } from "../../src/object/s3/s3-credentials.ts";
import type { S3Settings } from "../../src/object/s3/s3-settings.ts";
import { S3ObjectStore } from "../../src/object/s3-object-store.ts";
import {
  clientOf,
  makeBucket,
  MINISTACK,
  settingsOf,
  VERSITYGW,
  type S3Server,
} from "../support/s3-servers.ts";
import { text } from "./object-store/fixtures.ts";

const HOUR_MS = 3_600_000;

/** Goes right, but shows another time. */
class WrongClock implements Clock {
  readonly #clock = new SystemClock();
  readonly #offsetMs: number;

  constructor(offsetMs: number) {
    this.#offsetMs = offsetMs;
  }

  nowMs(): number {
    return this.#clock.nowMs() + this.#offsetMs;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  realtime(into: Timestamp): void {
    this.#clock.realtime(into);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal);
  }
}

for (const kind of [VERSITYGW, MINISTACK]) {
  describe(`${kind.name} refuses`, { skip: kind.missing ?? false }, () => {
    let server: S3Server;
    let bucketCount = 0;
    before(async () => {
      server = await kind.start();
    });
    after(() => server[Symbol.asyncDispose]());

    function open(
      settings: S3Settings,
      more: { readonly credentials?: S3Credentials; readonly clock?: Clock } = {},
    ): S3ObjectStore {
      return new S3ObjectStore({
        settings,
        credentials: fixedCredentials(more.credentials ?? server.credentials),
        clock: more.clock ?? new SystemClock(),
        isKnownExact: true,
      });
    }

    async function newBucket(prefix = ""): Promise<S3Settings> {
      const bucket = `bucket-${++bucketCount}`;
      await makeBucket(server, bucket);
      return settingsOf(server.endpoint, bucket, prefix);
    }

    async function assertEveryCall(
      store: S3ObjectStore,
      expected: (error: ObjectStoreError) => boolean,
    ): Promise<void> {
      const calls: readonly (() => Promise<unknown>)[] = [
        () => store.create("k", text("x")),
        () => store.swap("k", "tag", text("x")),
        () => store.get("k"),
        () => store.getRange("k", { offset: 0, length: 1 }),
        () => store.head("k"),
        () => store.list({ prefix: "" }),
        () => store.delete("k"),
        () => store.deleteMany(["k", "l"]),
      ];
      for (const call of calls) await assert.rejects(call, expected);
    }

    it("every call on a bucket that is not there, which is never an empty one", async () => {
      await using store = open(settingsOf(server.endpoint, "no-such-bucket", "p"));
      await assertEveryCall(store, ({ code, message, retryable }) => {
        assert.match(
          message,
          /in s3:\/\/no-such-bucket\/p at http:\/\/127\.0\.0\.1:\d+: .*NoSuchB/u,
        );
        return code === "ENODEV" && !retryable;
      });
    });

    it("every call when the bucket goes away while it is in use", async () => {
      const settings = await newBucket();
      await using store = open(settings);
      await store.create("k", text("x"));
      await store.delete("k");
      using client = clientOf(server, settings.bucket);
      await client.send({ what: "remove the bucket", method: "DELETE", statuses: [204] });
      await assertEveryCall(store, ({ code }) => code === "ENODEV");
    });

    it("wrong keys, without a word of the secret", async () => {
      const settings = await newBucket();
      const { accessKeyId } = server.credentials;
      const wrong: readonly S3Credentials[] = [
        { accessKeyId, secretAccessKey: "verysecret" },
        { accessKeyId: "AKIDNOBODY", secretAccessKey: "verysecret" },
      ];
      for (const credentials of wrong) {
        await using store = open(settings, { credentials });
        await assertEveryCall(store, (error) => {
          assert.equal(`${error.message}${error.stack}`.includes("verysecret"), false);
          assert.match(error.message, /check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/u);
          return error.code === "EACCES" && !error.retryable;
        });
      }
    });

    it("nothing when this machine's clock is an hour off: it is put right", async () => {
      const settings = await newBucket();
      for (const offsetMs of [-HOUR_MS, HOUR_MS]) {
        await using store = open(settings, { clock: new WrongClock(offsetMs) });
        assert.equal((await store.create(`k${offsetMs}`, text("x"))).created, true);
        assert.equal((await store.head(`k${offsetMs}`))?.size, 1);
      }
    });

    it("nothing when the region is another: the right one is found", async () => {
      const settings = { ...(await newBucket()), region: "eu-west-1" };
      await using store = open(settings);
      assert.equal((await store.create("k", text("x"))).created, true);
    });

    it("nothing of two stores in one bucket to each other: neither sees the other's keys", async () => {
      const settings = await newBucket();
      await using one = open({ ...settings, prefix: "volumes/a" });
      await using other = open({ ...settings, prefix: "volumes/a-b" });
      await one.create("k/1", text("one"));
      await other.create("k/1", text("other"));
      await one.deleteMany(["k/2", "k/3"]);
      const seen = [one, other].map((store) => store.list({ prefix: "" }));
      for (const { objects } of await Promise.all(seen)) {
        assert.deepEqual(
          objects.map(({ key }) => key),
          ["k/1"],
        );
      }
      await one.delete("k/1");
      assert.deepEqual((await other.get("k/1"))?.body, text("other"));
    });

    it("keys longer than a key may be with the prefix before it", async () => {
      await using store = open(await newBucket("p".repeat(200)));
      const key = Array.from({ length: 5 }, () => "k".repeat(200)).join("/");
      await assert.rejects(store.create(key, text("x")), { code: "ENAMETOOLONG" });
    });

    it("nothing that other tools left: it is passed over in lists", async () => {
      const settings = await newBucket("p");
      await using store = open(settings);
      using client = clientOf(server, settings.bucket);
      for (const key of ["p/", "p/folder/", "p/.hidden"]) {
        const body = await bodyOfBytes(new Uint8Array(0));
        await client.send({ what: "a foreign key", method: "PUT", key, body, statuses: [200] });
      }
      await store.create("folder/k", text("x"));
      for (const limit of [1, 1000]) {
        const { objects } = await store.list({ prefix: "", limit });
        assert.deepEqual(
          objects.map(({ key }) => key),
          ["folder/k"],
        );
      }
    });

    const slow = kind === MINISTACK ? false : "a thousand creates with a flush each take long";
    it(
      "no list of more than a page, and no deletion of more than fit one",
      { skip: slow },
      async () => {
        await using store = open(await newBucket("p"));
        const keys = Array.from({ length: 1003 }, (_, i) => `k/${String(i).padStart(4, "0")}`);
        await Promise.all(keys.map((key) => store.create(key, text(key))));
        const first = await store.list({ prefix: "k/" });
        assert.deepEqual([first.objects.length, first.truncated], [1000, true]);
        const rest = await store.list({ prefix: "k/", startAfter: first.objects.at(-1)!.key });
        assert.deepEqual([rest.objects.length, rest.truncated], [3, false]);
        await store.deleteMany(keys);
        assert.deepEqual(await store.list({ prefix: "" }), { objects: [], truncated: false });
      },
    );
  });
}
