/** What the first write to a bucket finds out about its server, with servers that are right and servers that are wrong. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SystemClock } from "../../src/core/clock.ts";
import { fixedCredentials, type S3Credentials } from "../../src/object/s3/s3-credentials.ts";
import { S3ObjectStore } from "../../src/object/s3-object-store.ts";
import { ConnectionSpreader } from "../support/connection-spreader.ts";
import {
  makeBucket,
  MINISTACK,
  S3RVER,
  settingsOf,
  startUnlockedPair,
  VERSITYGW,
} from "../support/s3-servers.ts";
import { text } from "./object-store/fixtures.ts";

const PROBE_COUNT_MAX = 60;

function open(endpoint: URL, credentials: S3Credentials): S3ObjectStore {
  return new S3ObjectStore({
    settings: settingsOf(endpoint, "bucket", "volumes/one"),
    credentials: fixedCredentials(credentials),
    clock: new SystemClock(),
  });
}

async function assertRefusesWrites(store: S3ObjectStore, reason: RegExp): Promise<void> {
  const refusal = { code: "EOPNOTSUPP", retryable: false, message: reason };
  await assert.rejects(store.create("k", text("x")), refusal);
  await assert.rejects(store.swap("k", "tag", text("x")), refusal);
  await assert.rejects(store.createFromFile("k", import.meta.filename), refusal);
  assert.equal(await store.get("k"), undefined);
}

describe("the first write to a bucket", () => {
  for (const kind of [VERSITYGW, MINISTACK]) {
    it(
      `finds ${kind.name} exact, and leaves nothing behind`,
      { skip: kind.missing ?? false },
      async () => {
        await using server = await kind.start();
        await makeBucket(server, "bucket");
        await using store = open(server.endpoint, server.credentials);
        assert.equal((await store.create("k", text("x"))).created, true);
        assert.deepEqual(await store.probe(), { isExact: true });
        const { objects } = await store.list({ prefix: "" });
        assert.deepEqual(
          objects.map(({ key }) => key),
          ["k"],
        );
      },
    );
  }

  it(
    "refuses a server that ignores conditions, for writing",
    { skip: S3RVER.missing ?? false },
    async () => {
      await using server = await S3RVER.start();
      await makeBucket(server, "bucket");
      await using store = open(server.endpoint, server.credentials);
      await assertRefusesWrites(
        store,
        /16 of 16 racing creates of one key were all told they won/u,
      );
    },
  );

  it(
    "finds out two gateways on one directory that take no lock, before long",
    { skip: VERSITYGW.missing ?? false },
    async () => {
      await using pair = await startUnlockedPair();
      await makeBucket({ ...pair, endpoint: pair.endpoints[0]! }, "bucket");
      await using spreader = await ConnectionSpreader.start(pair.endpoints);
      // Their window is some microseconds wide: about every third probe meets it.
      for (let attempt = 0; attempt < PROBE_COUNT_MAX; attempt++) {
        await using store = open(spreader.endpoint, pair.credentials);
        if ((await store.probe()).isExact) continue;
        await assertRefusesWrites(store, /\d+ of 16 racing (?:creates|swaps) .* told they won/u);
        return;
      }
      assert.fail(`${PROBE_COUNT_MAX} probes found nothing`);
    },
  );
});
