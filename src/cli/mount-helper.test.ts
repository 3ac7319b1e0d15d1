import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { helperCall, parseMountHelper, parseUmountHelper } from "./mount-helper.ts";

describe("the helper of mount(8)", () => {
  it("is recognised by the name it was started by, or by its first argument", () => {
    assert.deepEqual(helperCall("/sbin/mount.fuse.shoal", ["a", "b"]), {
      name: "mount.fuse.shoal",
      args: ["a", "b"],
    });
    assert.deepEqual(helperCall("/opt/main.ts", ["umount.fuse.shoal", "/mnt"]), {
      name: "umount.fuse.shoal",
      args: ["/mnt"],
    });
    assert.equal(helperCall("/opt/main.ts", ["mount", "/mnt"]), undefined);
    assert.equal(helperCall("/opt/main.ts", []), undefined);
  });

  it("takes what util-linux gives it, flags alone or together, before or after the words", () => {
    const call = parseMountHelper([
      "/vol",
      "/mnt",
      "-sv",
      "-n",
      "-o",
      "rw,dev",
      "-t",
      "fuse.shoal",
    ]);
    assert.deepEqual(call, {
      source: "/vol",
      directory: "/mnt",
      options: ["rw,dev"],
      isSloppy: true,
      isFake: false,
      isVerbose: true,
    });
    assert.deepEqual(parseMountHelper(["-f", "-oro", "/vol", "-N", "/proc/1/ns/mnt", "/mnt"]), {
      source: "/vol",
      directory: "/mnt",
      options: ["ro"],
      isSloppy: false,
      isFake: true,
      isVerbose: false,
    });
  });

  it("refuses missing and further words, unknown flags and a missing value", () => {
    for (const args of [[], ["/vol"], ["a", "b", "c"], ["a", "b", "-x"], ["a", "b", "-o"]]) {
      assert.throws(() => parseMountHelper(args), { name: "UsageError" }, args.join(" "));
    }
  });
});

describe("the helper of umount(8)", () => {
  it("takes force and lazy, and passes over -n and -v", () => {
    assert.deepEqual(parseUmountHelper(["/mnt", "-flnv", "-t", "fuse.shoal"]), {
      target: "/mnt",
      force: true,
      lazy: true,
    });
    assert.deepEqual(parseUmountHelper(["/mnt"]), { target: "/mnt", force: false, lazy: false });
  });

  it("refuses -r, which would promise a read-only remount", () => {
    assert.throws(() => parseUmountHelper(["/mnt", "-r"]), { name: "UsageError" });
    assert.throws(() => parseUmountHelper([]), { name: "UsageError" });
  });
});
