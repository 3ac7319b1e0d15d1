import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf } from "./s3-address.ts";
import type { S3Settings } from "./s3-settings.ts";

function settings(endpoint: string, isPathStyle: boolean): S3Settings {
  const where = { bucket: "bucket", prefix: "", region: "us-east-1", isAws: false };
  return { ...where, endpoint: new URL(endpoint), isPathStyle };
}

describe("addressOf", () => {
  it("puts the bucket into the host or into the path, behind a path of the endpoint", () => {
    const cases: readonly (readonly [string, boolean, string, string])[] = [
      ["https://h.example", false, "bucket.h.example", "/a/b"],
      ["https://h.example:9000/", true, "h.example:9000", "/bucket/a/b"],
      ["http://h.example/base/s3/", true, "h.example", "/base/s3/bucket/a/b"],
      ["http://[::1]:9000", true, "[::1]:9000", "/bucket/a/b"],
    ];
    for (const [endpoint, isPathStyle, host, path] of cases) {
      const address = addressOf(settings(endpoint, isPathStyle), { key: "a/b" });
      assert.deepEqual([address.host, address.path], [host, path], endpoint);
    }
  });

  it("names the bucket itself when there is no key", () => {
    const query = { "list-type": "2", prefix: "a/\u00fc&" };
    const virtual = addressOf(settings("https://h", false), { query });
    assert.equal(virtual.path, "/?list-type=2&prefix=a%2F%C3%BC%26");
    assert.equal(addressOf(settings("https://h", true), {}).path, "/bucket");
    assert.equal(
      addressOf(settings("https://h", true), { key: "folder/" }).path,
      "/bucket/folder/",
    );
  });

  it("escapes all but the unreserved characters", () => {
    const { path } = addressOf(settings("https://h", true), { key: "a b+(c)!*'~-._%/\u65e5\n" });
    assert.equal(path, "/bucket/a%20b%2B%28c%29%21%2A%27~-._%25/%E6%97%A5%0A");
  });
});
