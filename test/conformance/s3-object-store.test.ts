/** The S3 driver against real servers: the suite of every store, in a bucket of its own for each test. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SystemClock } from "../../src/core/clock.ts";
import { Prng } from "../../src/core/prng.ts";
import { RetryingObjectStore } from "../../src/object/retrying-object-store.ts";
import { fixedCredentials } from "../../src/object/s3/s3-credentials.ts";
import { S3ObjectStore } from "../../src/object/s3-object-store.ts";
import {
  makeBucket,
  MINISTACK,
  settingsOf,
  VERSITYGW,
  type S3Server,
} from "../support/s3-servers.ts";
import { objectStoreConformance } from "./object-store.ts";
import type { StoreUnderTest } from "./object-store/fixtures.ts";

/** The servers run on this machine; a header has whole seconds, and the machine may be slow. */
const CLOCK_SKEW_MAX_MS = 60_000;

for (const kind of [VERSITYGW, MINISTACK]) {
  describe(`on ${kind.name}`, { skip: kind.missing ?? false }, () => {
    let server: S3Server;
    const clock = new SystemClock();
    let bucketCount = 0;
    before(async () => {
      server = await kind.start();
    });
    after(() => server[Symbol.asyncDispose]());

    const factory = async (): Promise<StoreUnderTest> => {
      const bucket = `bucket-${++bucketCount}`;
      await makeBucket(server, bucket);
      const driver = new S3ObjectStore({
        settings: settingsOf(server.endpoint, bucket),
        credentials: fixedCredentials(server.credentials),
        clock,
        isKnownExact: true,
      });
      const store = new RetryingObjectStore(driver, { clock, prng: new Prng(bucketCount) });
      return { store, dispose: () => store.close() };
    };
    // versitygw keeps keys as files.
    objectStoreConformance("s3", factory, { refusesNestedKeys: kind === VERSITYGW });

    it("tells its own clock when it creates (rule C2)", async () => {
      const { store, dispose } = await factory();
      const outcome = await store.create("key", new Uint8Array(1));
      assert.ok(outcome.created && outcome.storeMs !== undefined);
      assert.ok(Math.abs(outcome.storeMs - clock.nowMs()) < CLOCK_SKEW_MAX_MS);
      await dispose();
    });
  });
}
