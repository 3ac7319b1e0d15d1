import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePath, parseTarget, parseVolume } from "./volume-argument.ts";

describe("a volume on the command line", () => {
  it("may be a path from the working directory, or a file URL, and becomes a whole URL", () => {
    assert.equal(parseVolume("vol", "/here"), "file:///here/vol");
    assert.equal(parseVolume("./s3:odd", "/here"), "file:///here/s3:odd");
    assert.equal(parseVolume("../a b", "/here"), "file:///a%20b");
    assert.equal(parseVolume("/srv/v", "/here"), "file:///srv/v");
    assert.equal(parseVolume("file:///srv/a%20b", "/here"), "file:///srv/a%20b");
  });

  it("of a scheme that is not supported, empty or broken is a usage error", () => {
    for (const text of [
      "s3://bucket/p",
      "s3:bucket",
      "http://x",
      "",
      "file://host/x",
      "a\0b",
      "./a\0b",
    ]) {
      assert.throws(() => parseVolume(text, "/here"), { name: "UsageError" }, JSON.stringify(text));
    }
  });
});

describe("a target on the command line", () => {
  it("is a URL when it looks like one, else an absolute path", () => {
    assert.deepEqual(parseTarget("file:///srv/v", "/here"), { kind: "url", url: "file:///srv/v" });
    assert.deepEqual(parseTarget("mnt/", "/here"), { kind: "path", path: "/here/mnt" });
    assert.throws(() => parseTarget("s3://b", "/here"), { name: "UsageError" });
    assert.throws(() => parsePath("", "/here", "the mount point"), { message: /mount point/u });
  });
});
