import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { SystemClock } from "../core/clock.ts";
import { directoryOfUrl, openObjectStore } from "./open-object-store.ts";

describe("openObjectStore", () => {
  it("opens the same store by path and by URL", async () => {
    const root = await mkdtemp(join(tmpdir(), "open store é%-"));
    try {
      const clock = new SystemClock();
      const byPath = await openObjectStore(root, { clock });
      const byUrl = await openObjectStore(pathToFileURL(root).href, { clock });
      await byPath.create("k", new Uint8Array(3));
      assert.equal((await byUrl.head("k"))?.size, 3);
      assert.equal(byPath.url, byUrl.url);
      await byPath.close();
      await byUrl.close();
    } finally {
      await rm(root, { recursive: true });
    }
  });

  it("opens a bucket as the environment describes it, and asks it nothing yet", async () => {
    const clock = new SystemClock();
    const environment = {
      HOME: "/nonexistent",
      AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9",
      AWS_ACCESS_KEY_ID: "id",
      AWS_SECRET_ACCESS_KEY: "secret",
      BUCKET_NAME: "from-fly",
    };
    await using store = await openObjectStore("s3:///volumes/one", { clock, environment });
    assert.equal(store.url, "s3://from-fly/volumes/one");
    const half = { ...environment, AWS_SECRET_ACCESS_KEY: "" };
    await assert.rejects(openObjectStore("s3://bucket", { clock, environment: half }), {
      code: "EINVAL",
      message: /AWS_SECRET_ACCESS_KEY is not set/u,
    });
    await assert.rejects(openObjectStore("s3:bucket", { clock, environment }), { code: "EINVAL" });
  });

  it("takes a plain path from the working directory", () => {
    const paths: readonly (readonly [string, string])[] = [
      ["/a/b/", "/a/b"],
      ["a/../b", join(process.cwd(), "b")],
      ["./s3:bucket", join(process.cwd(), "s3:bucket")],
      ["dir/x:y", join(process.cwd(), "dir/x:y")],
      ["file:///a%20b/c", "/a b/c"],
      ["FILE:///a", "/a"],
    ];
    for (const [url, path] of paths) assert.equal(directoryOfUrl(url), path);
  });

  it("refuses what it does not support, and names what it does", () => {
    for (const url of ["s3://bucket/prefix", "gs://b", "http://host/", "s3:bucket", "S3://b"]) {
      assert.throws(() => directoryOfUrl(url), {
        code: "EINVAL",
        message: /^not supported yet: .*supported are file:\/\/\/directory and a plain path$/,
      });
    }
  });

  it("refuses a URL that is no local directory", () => {
    const urls = [
      "",
      "a\0b",
      "file://host/a",
      "file:a",
      "file:///a?b",
      "file:///a#b",
      "file:///a%2Fb",
    ];
    for (const url of urls) assert.throws(() => directoryOfUrl(url), { code: "EINVAL" }, url);
  });
});
