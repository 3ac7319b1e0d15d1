import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseS3Url, s3Url } from "./s3-location.ts";

describe("parseS3Url", () => {
  it("reads bucket and prefix literally", () => {
    const cases: readonly (readonly [string, string, string])[] = [
      ["s3://bucket", "bucket", ""],
      ["s3://bucket/", "bucket", ""],
      ["S3://bucket/a/b/", "bucket", "a/b"],
      ["s3://Old_Bucket.name/a%20b c", "Old_Bucket.name", "a%20b c"],
      ["s3:///volumes/one", "from-fly", "volumes/one"],
      ["s3://", "from-fly", ""],
    ];
    for (const [url, bucket, prefix] of cases) {
      assert.deepEqual(parseS3Url(url, "from-fly"), { bucket, prefix }, url);
    }
    assert.equal(s3Url({ bucket: "b", prefix: "p/q" }), "s3://b/p/q");
    assert.equal(s3Url({ bucket: "b", prefix: "" }), "s3://b");
  });

  it("refuses what names no bucket or no prefix", () => {
    const urls = [
      "s3:bucket",
      "s3:///a",
      "s3://a/b",
      "s3://bu cket",
      "s3://bucket//a",
      "s3://bucket/../a",
      "s3://bucket/.tmp",
      "s3://bucket/a?b",
      "s3://bucket:9000/a",
      "s3://bucket--use1-az4--x-s3/a",
    ];
    for (const url of urls) assert.throws(() => parseS3Url(url, ""), { code: "EINVAL" }, url);
  });

  it("refuses credentials in a URL without repeating them", () => {
    assert.throws(
      () => parseS3Url("s3://key:verysecret@bucket/a", undefined),
      (error: Error) => error.message.includes("AWS_SECRET") && !error.message.includes("very"),
    );
  });
});
