/** copy_file_range(2). */
import assert from "node:assert/strict";
import { O_APPEND, O_RDONLY, O_RDWR, O_WRONLY } from "../../support/posix-constants.ts";
import {
  bytes,
  contentOf,
  pattern,
  put,
  readAll,
  refuses,
  textOf,
} from "../../support/posix-actions.ts";
import type { CopyRange, PosixFile } from "./posix-file.ts";
import { type PosixSuite, posixSuite } from "./posix-suite.ts";

const MIB = 1024 * 1024;

export const copyRangeSuite: PosixSuite = posixSuite(
  "copy range",
  {
    "copies a range of any alignment from one file to another"({ root }) {
      const cases = [
        { from: 0, to: 0, length: 300_000 },
        { from: 1, to: 0, length: 4096 },
        { from: 4095, to: 8191, length: 131_073 },
        { from: 299_999, to: 500_000, length: 1 },
      ];
      for (const range of cases) {
        put(root, "a", pattern(300_000, 1));
        put(root, "b", pattern(200_000, 2));
        using source = root.open("a", O_RDONLY);
        using target = root.open("b", O_RDWR);
        assert.equal(copyAll(source, target, range), range.length);
        const size = Math.max(200_000, range.to + range.length);
        const expected = new Uint8Array(size);
        expected.set(pattern(200_000, 2));
        expected.set(pattern(300_000, 1).subarray(range.from, range.from + range.length), range.to);
        assert.deepEqual(readAll(target), expected);
      }
    },
    "stops short at the end of the source"({ root }) {
      put(root, "a", "0123456789");
      put(root, "b");
      using source = root.open("a", O_RDONLY);
      using target = root.open("b", O_RDWR);
      assert.equal(source.copyTo(target, { from: 7, to: 0, length: 100 }), 3);
      assert.equal(textOf(root, "b"), "789");
      assert.equal(source.copyTo(target, { from: 10, to: 50, length: 100 }), 0);
      assert.equal(source.copyTo(target, { from: 1000, to: 50, length: 100 }), 0);
      assert.equal(target.stat().size, 3);
      assert.equal(source.copyTo(target, { from: 0, to: 50, length: 0 }), 0);
      assert.equal(target.stat().size, 3);
    },
    "copies inside one file where the ranges do not overlap"({ root }) {
      put(root, "f", pattern(100_000));
      using file = root.open("f", O_RDWR);
      assert.equal(copyAll(file, file, { from: 0, to: 100_000, length: 100_000 }), 100_000);
      assert.deepEqual(readAll(file), Uint8Array.from([...pattern(100_000), ...pattern(100_000)]));
      assert.equal(copyAll(file, file, { from: 150_000, to: 10, length: 5000 }), 5000);
      assert.deepEqual(file.read(10, 5000), pattern(100_000).subarray(50_000, 55_000));
    },
    "refuses overlapping ranges of one file with EINVAL, through two names too"({ root }) {
      put(root, "f", pattern(10_000));
      root.link("f", "g");
      using first = root.open("f", O_RDWR);
      using second = root.open("g", O_RDWR);
      refuses("EINVAL", () => first.copyTo(first, { from: 0, to: 1, length: 100 }));
      refuses("EINVAL", () => first.copyTo(second, { from: 100, to: 1, length: 100 }));
      refuses("EINVAL", () => first.copyTo(second, { from: 5, to: 5, length: 1 }));
      assert.deepEqual(readAll(first), pattern(10_000));
    },
    "leaves the copy alone when the source changes later"({ root }) {
      put(root, "a", pattern(2 * MIB));
      put(root, "b");
      using source = root.open("a", O_RDWR);
      using target = root.open("b", O_RDWR);
      assert.equal(copyAll(source, target, { from: 0, to: 0, length: 2 * MIB }), 2 * MIB);
      source.write(5, bytes("changed"));
      source.truncate(MIB);
      assert.deepEqual(contentOf(root, "b"), pattern(2 * MIB));
      target.write(0, bytes("other"));
      assert.deepEqual(source.read(0, 5), pattern(5));
    },
    "copies what was written a moment ago and not yet synced"({ root }) {
      put(root, "a", pattern(100_000));
      put(root, "b");
      using source = root.open("a", O_RDWR);
      using target = root.open("b", O_RDWR);
      source.write(50_000, pattern(1000, 9));
      copyAll(source, target, { from: 0, to: 0, length: 100_000 });
      assert.deepEqual(target.read(50_000, 1000), pattern(1000, 9));
    },
    "copies holes as zeros over what was there"({ root }) {
      put(root, "a");
      root.attributes.truncate("a", MIB);
      put(root, "b", pattern(MIB));
      using source = root.open("a", O_RDONLY);
      using target = root.open("b", O_RDWR);
      assert.equal(copyAll(source, target, { from: 0, to: 0, length: MIB }), MIB);
      assert.ok(readAll(target).every((byte) => byte === 0));
    },
    "copies from and to files that have no name any more"({ root }) {
      put(root, "a", "source");
      put(root, "b");
      using source = root.open("a", O_RDONLY);
      using target = root.open("b", O_RDWR);
      root.unlink("a");
      root.unlink("b");
      assert.equal(copyAll(source, target, { from: 0, to: 0, length: 6 }), 6);
      assert.deepEqual(readAll(target), bytes("source"));
    },
    "refuses handles of the wrong kind"({ root }) {
      put(root, "a", "data");
      put(root, "b", "data");
      root.mkdir("d");
      const range = { from: 0, to: 0, length: 4 };
      using reader = root.open("a", O_RDONLY);
      using writer = root.open("b", O_WRONLY);
      using appender = root.open("b", O_WRONLY | O_APPEND);
      using directory = root.open("d", O_RDONLY);
      refuses("EBADF", () => writer.copyTo(writer, range));
      refuses("EBADF", () => reader.copyTo(reader, range));
      refuses("EBADF", () => reader.copyTo(appender, range));
      refuses("EISDIR", () => directory.copyTo(writer, range));
    },
    "refuses to grow a file past the largest size with EFBIG"({ root, limits }) {
      put(root, "a", "data");
      put(root, "b");
      using source = root.open("a", O_RDONLY);
      using target = root.open("b", O_RDWR);
      const range = { from: 0, to: limits.fileSizeMax, length: 4 };
      refuses("EFBIG", () => source.copyTo(target, range));
      assert.equal(target.stat().size, 0);
    },
  },
  ["copyRange"],
);

/** A short copy is allowed: goes on until the range or the source is at its end. */
function copyAll(source: PosixFile, target: PosixFile, { from, to, length }: CopyRange): number {
  let done = 0;
  while (done < length) {
    const range = { from: from + done, to: to + done, length: length - done };
    const count = source.copyTo(target, range);
    if (count === 0) break;
    done += count;
  }
  return done;
}
