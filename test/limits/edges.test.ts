/**
 * The edges of what a volume holds: depth, names of any bytes, links, attributes, the largest file.
 *
 * SHOAL_LIMIT_DEPTH chooses the depth (2,000).
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmdirSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { Prng } from "../../src/core/prng.ts";
import type { PosixDirectory } from "../conformance/posix/posix-directory.ts";
import { demandSameAfterRemount } from "../support/kill-remount.ts";
import { MountFixture, skipWithoutMount } from "../support/mount-fixture.ts";
import { O_CREAT, O_RDWR } from "../support/posix-constants.ts";
import { bytes, namesOf, put, refuses, text } from "../support/posix-actions.ts";
import { openDirectory } from "../support/tree-manifest.ts";

const DEPTH = Number(process.env["SHOAL_LIMIT_DEPTH"] ?? 2000);
const LINK_COUNT_MAX = 65_000;
const NAME_COUNT = 300;
const NAME_SIZE_MAX = 255;
const XATTR_SIZE_MAX = 65_536;
const FILE_SIZE_MAX: number = Number.MAX_SAFE_INTEGER;
const TEXT = "the end";

describe("the edges of a volume", skipWithoutMount(), () => {
  let fixture: MountFixture;
  let root: PosixDirectory;
  let opened: ReturnType<typeof openDirectory>;

  before(async () => {
    fixture = await MountFixture.mounted({ name: "edges" });
    opened = openDirectory(fixture.mountPoint);
    root = opened.directory;
  });
  after(() => {
    opened?.[Symbol.dispose]();
    fixture?.remove();
  });

  it(`are not met at a depth of ${DEPTH}`, () => {
    const home = process.cwd();
    process.chdir(fixture.mountPoint);
    try {
      for (let depth = 0; depth < DEPTH; depth++) {
        mkdirSync("d");
        process.chdir("d");
      }
      writeFileSync("bottom", TEXT);
      assert.equal(readFileSync("bottom", "utf8"), TEXT);
      const { ino } = statSync(".");
      for (let depth = 0; depth < DEPTH; depth++) process.chdir("..");
      assert.equal(statSync(".").ino, statSync(fixture.mountPoint).ino, "the way up is as long");
      for (let depth = 0; depth < DEPTH; depth++) process.chdir("d");
      assert.equal(statSync(".").ino, ino);
      unlinkSync("bottom");
      for (let depth = 0; depth < DEPTH; depth++) {
        process.chdir("..");
        rmdirSync("d");
      }
    } finally {
      process.chdir(home);
    }
  });

  it("hold names of 255 bytes of any value but NUL and slash", () => {
    const prng = new Prng(1);
    root.mkdir("names");
    const names = new Set<string>();
    while (names.size < NAME_COUNT) names.add(randomName(prng));
    for (const name of names) put(root, `names/${name}`, name.slice(0, 9));
    assert.deepEqual(namesOf(root, "names").toSorted(), [...names].toSorted());
    for (const name of names) {
      using file = root.open(`names/${name}`, O_RDWR);
      assert.equal(text(file.read(0, 9)), name.slice(0, 9));
    }
    refuses("ENAMETOOLONG", () => root.mkdir(`names/${"x".repeat(NAME_SIZE_MAX + 1)}`));
  });

  it(`hold ${LINK_COUNT_MAX} links of a file, and not one more`, () => {
    root.mkdir("links");
    put(root, "links/0", TEXT);
    for (let index = 1; index < LINK_COUNT_MAX; index++) root.link("links/0", `links/${index}`);
    assert.equal(root.stat("links/0").nlink, LINK_COUNT_MAX);
    refuses("EMLINK", () => root.link("links/0", "links/more"));
    for (let index = 1; index < LINK_COUNT_MAX; index++) root.unlink(`links/${index}`);
    assert.equal(root.stat("links/0").nlink, 1);
  });

  it("hold attributes of 64 KiB", () => {
    put(root, "attributes", TEXT);
    const prng = new Prng(2);
    const values = ["user.a", "trusted.b", "security.c"].map((name) => {
      const value = Uint8Array.from({ length: XATTR_SIZE_MAX }, () => prng.u32());
      root.xattrs.set("attributes", name, value);
      return { name, value };
    });
    for (const { name, value } of values) {
      assert.deepEqual(root.xattrs.get("attributes", name), value);
    }
    const tooLarge = new Uint8Array(XATTR_SIZE_MAX + 1);
    refuses("E2BIG", () => root.xattrs.set("attributes", "user.d", tooLarge));
  });

  it("hold a file of 2^53 - 1 bytes that is read and written at its end", () => {
    using file = root.open("large", O_RDWR | O_CREAT);
    file.truncate(FILE_SIZE_MAX);
    assert.equal(file.stat().size, FILE_SIZE_MAX);
    const at = FILE_SIZE_MAX - TEXT.length;
    assert.equal(text(file.read(at - 3, 100)), "\0".repeat(3 + TEXT.length));
    assert.equal(file.write(at, bytes(TEXT)), TEXT.length);
    assert.equal(text(file.read(at - 3, 100)), `\0\0\0${TEXT}`);
    assert.equal(file.seek("data", 0), Math.floor(at / 4096) * 4096);
    refuses("EFBIG", () => file.write(FILE_SIZE_MAX, bytes("x")));
    refuses("EFBIG", () => file.truncate(BigInt(FILE_SIZE_MAX) + 1n));
    assert.ok(file.stat().blockCount < 1000, "it takes room for what was written only");
    // Its bytes are not compared below: there are too many.
    root.unlink("large");
  });

  it("are there again after a kill, an unmount and a check", async () => {
    await fixture.kill();
    opened[Symbol.dispose]();
    await demandSameAfterRemount(fixture);
    opened = openDirectory(fixture.mountPoint);
    root = opened.directory;
  });
});

function randomName(prng: Prng): string {
  const name = Buffer.from(Array.from({ length: NAME_SIZE_MAX }, () => 1 + prng.below(255)));
  return name.toString("latin1").replaceAll("/", "a");
}
