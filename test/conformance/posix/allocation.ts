/** fallocate(2) in every mode, and lseek(2) for holes and data. */
import assert from "node:assert/strict";
import {
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  O_CREAT,
  O_DIRECTORY,
  O_RDONLY,
  O_RDWR,
} from "../../support/posix-constants.ts";
import { bytes, pattern, put, readAll, refuses, text } from "../../support/posix-actions.ts";
import type { PosixDirectory } from "./posix-directory.ts";
import type { PosixFile } from "./posix-file.ts";
import { needing, type PosixSuite, posixSuite, type PosixTests } from "./posix-suite.ts";

const KIB = 1024;
const MIB = 1024 * 1024;
const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
const SIZE = 256 * KIB;

const inPlace: PosixTests = {
  "mode 0 grows a file by zeros and leaves what is there"({ root }) {
    using file = fileOf(root, bytes("data"));
    file.allocate(0, 0, 10_000);
    assert.equal(file.stat().size, 10_000);
    assert.equal(text(file.read(0, 6)), "data\0\0");
    file.allocate(0, 0, 100);
    assert.equal(file.stat().size, 10_000);
    file.allocate(0, 20_000, 1);
    assert.equal(file.stat().size, 20_001);
  },
  "KEEP_SIZE leaves the size alone"({ root }) {
    using file = fileOf(root, bytes("data"));
    file.allocate(FALLOC_FL_KEEP_SIZE, 0, MIB);
    assert.equal(file.stat().size, 4);
    assert.equal(text(readAll(file)), "data");
    file.truncate(10);
    assert.equal(text(readAll(file)), "data\0\0\0\0\0\0");
  },
  "PUNCH_HOLE zeroes a range of any alignment and keeps the size"({ root }) {
    const ranges = [
      [0, 1],
      [1, 4095],
      [4096, 4096],
      [5000, 100_000],
      [131_072, 131_072],
      [SIZE - 10, 10],
    ] as const;
    for (const [offset, length] of ranges) {
      using file = fileOf(root, pattern(SIZE));
      file.allocate(PUNCH, offset, length);
      const expected = pattern(SIZE);
      expected.fill(0, offset, offset + length);
      assert.deepEqual(readAll(file), expected);
    }
  },
  "PUNCH_HOLE past the end changes nothing, however long"({ root }) {
    using file = fileOf(root, bytes("data"));
    file.allocate(PUNCH, 4096, MIB);
    file.allocate(PUNCH, 2, 5_000_000_000);
    assert.equal(file.stat().size, 4);
    assert.equal(text(readAll(file)), "da\0\0");
  },
  "ZERO_RANGE zeroes, and grows the file unless told to keep its size"({ root }) {
    using file = fileOf(root, pattern(SIZE));
    file.allocate(FALLOC_FL_ZERO_RANGE, 1000, 50_000);
    const expected = pattern(SIZE);
    expected.fill(0, 1000, 51_000);
    assert.deepEqual(readAll(file), expected);
    file.allocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, SIZE - 10, 5000);
    expected.fill(0, SIZE - 10);
    assert.deepEqual(readAll(file), expected);
    file.allocate(FALLOC_FL_ZERO_RANGE, SIZE, 5000);
    assert.equal(file.stat().size, SIZE + 5000);
    assert.ok(file.read(SIZE, 5000).every((byte) => byte === 0));
  },
  "gives written data back after it was preallocated, zeroed and punched"({ root }) {
    using file = fileOf(root, new Uint8Array(0));
    file.allocate(0, 0, MIB);
    file.write(100, bytes("first"));
    file.allocate(FALLOC_FL_ZERO_RANGE, 0, MIB);
    file.write(200, bytes("second"));
    file.allocate(PUNCH, 0, 200);
    file.write(0, bytes("third"));
    assert.equal(text(file.read(0, 6)), "third\0");
    assert.equal(text(file.read(99, 7)), "\0\0\0\0\0\0\0");
    assert.equal(text(file.read(200, 6)), "second");
  },
  "frees the blocks of a hole": needing("holes", ({ root }) => {
    using file = fileOf(root, pattern(MIB));
    file.sync("all");
    const before = file.stat().blockCount;
    file.allocate(PUNCH, 0, MIB);
    file.sync("all");
    assert.ok(file.stat().blockCount < before / 4);
  }),
};

const shifting: PosixTests = {
  "COLLAPSE_RANGE takes a range out": needing("shiftRanges", ({ root, limits }) => {
    const unit = limits.allocationUnit;
    const content = pattern(unit * 10 + 77);
    using file = fileOf(root, content);
    file.allocate(FALLOC_FL_COLLAPSE_RANGE, unit * 2, unit * 3);
    const expected = [...content.subarray(0, unit * 2), ...content.subarray(unit * 5)];
    assert.deepEqual(readAll(file), Uint8Array.from(expected));
    file.allocate(FALLOC_FL_COLLAPSE_RANGE, 0, unit);
    assert.deepEqual(readAll(file), Uint8Array.from(expected.slice(unit)));
  }),
  "INSERT_RANGE pushes a hole in": needing("shiftRanges", ({ root, limits }) => {
    const unit = limits.allocationUnit;
    const content = pattern(unit * 6 + 5);
    using file = fileOf(root, content);
    file.allocate(FALLOC_FL_INSERT_RANGE, unit, unit * 4);
    const hole = new Uint8Array(unit * 4);
    const expected = [...content.subarray(0, unit), ...hole, ...content.subarray(unit)];
    assert.deepEqual(readAll(file), Uint8Array.from(expected));
  }),
  "both undo each other, again and again": needing("shiftRanges", ({ root, limits }) => {
    const unit = limits.allocationUnit;
    const content = pattern(unit * 8 + 1);
    using file = fileOf(root, content);
    for (let i = 0; i < 7; i++) {
      file.allocate(FALLOC_FL_INSERT_RANGE, unit * i, unit * (i + 1));
      file.allocate(FALLOC_FL_COLLAPSE_RANGE, unit * i, unit * (i + 1));
    }
    assert.deepEqual(readAll(file), content);
  }),
  "refuse what is not aligned, empty or past the end with EINVAL": needing(
    "shiftRanges",
    ({ root, limits }) => {
      const unit = limits.allocationUnit;
      using file = fileOf(root, pattern(unit * 4));
      for (const mode of [FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE]) {
        refuses("EINVAL", () => file.allocate(mode, 1, unit));
        refuses("EINVAL", () => file.allocate(mode, unit, unit - 1));
        refuses("EINVAL", () => file.allocate(mode, unit, 0));
        refuses("EINVAL", () => file.allocate(mode, unit * 4, unit));
        refuses("EINVAL", () => file.allocate(mode, unit * 8, unit));
      }
      refuses("EINVAL", () => file.allocate(FALLOC_FL_COLLAPSE_RANGE, unit * 3, unit));
      refuses("EINVAL", () => file.allocate(FALLOC_FL_COLLAPSE_RANGE, 0, unit * 5));
      assert.deepEqual(readAll(file), pattern(unit * 4));
    },
  ),
  "INSERT_RANGE past the largest file is EFBIG": needing("shiftRanges", ({ root, limits }) => {
    const unit = limits.allocationUnit;
    using file = fileOf(root, pattern(unit * 2));
    const length = Math.floor(limits.fileSizeMax / unit) * unit;
    refuses("EFBIG", () => file.allocate(FALLOC_FL_INSERT_RANGE, 0, length));
    assert.equal(file.stat().size, unit * 2);
  }),
};

const refusals: PosixTests = {
  "refuses a negative offset, and no length, with EINVAL"({ root }) {
    using file = fileOf(root, bytes("data"));
    for (const mode of [0, FALLOC_FL_KEEP_SIZE, PUNCH, FALLOC_FL_ZERO_RANGE]) {
      refuses("EINVAL", () => file.allocate(mode, -1, 10));
      refuses("EINVAL", () => file.allocate(mode, 0, 0));
      refuses("EINVAL", () => file.allocate(mode, 0, -1));
    }
  },
  "refuses a hole that may change the size, and unknown modes, with EOPNOTSUPP"({ root }) {
    using file = fileOf(root, bytes("data"));
    refuses("EOPNOTSUPP", () => file.allocate(FALLOC_FL_PUNCH_HOLE, 0, 1));
    refuses("EOPNOTSUPP", () => file.allocate(0x1000, 0, 1));
    refuses("EOPNOTSUPP", () => file.allocate(PUNCH | FALLOC_FL_ZERO_RANGE, 0, 1));
  },
  "refuses a handle that is not for writing with EBADF"({ root }) {
    put(root, "f", "data");
    root.mkdir("d");
    using file = root.open("f", O_RDONLY);
    using directory = root.open("d", O_RDONLY | O_DIRECTORY);
    refuses("EBADF", () => file.allocate(0, 0, 10));
    refuses("EBADF", () => directory.allocate(0, 0, 10));
  },
};

const seeking: PosixTests = {
  "finds data and holes": needing("holes", ({ root }) => {
    using file = fileOf(root, new Uint8Array(0));
    file.truncate(4 * MIB);
    file.write(MIB, pattern(64 * KIB));
    file.write(3 * MIB, pattern(64 * KIB));
    assert.equal(file.seek("data", 0), MIB);
    assert.equal(file.seek("hole", 0), 0);
    assert.equal(file.seek("hole", MIB), MIB + 64 * KIB);
    assert.equal(file.seek("data", MIB + 100), MIB + 100);
    assert.equal(file.seek("data", MIB + 64 * KIB), 3 * MIB);
    assert.equal(file.seek("hole", 3 * MIB + 5), 3 * MIB + 64 * KIB);
    refuses("ENXIO", () => file.seek("data", 3 * MIB + 64 * KIB));
  }),
  "counts a punched range as a hole": needing("holes", ({ root }) => {
    using file = fileOf(root, pattern(3 * MIB));
    file.allocate(PUNCH, MIB, MIB);
    assert.equal(file.seek("hole", 0), MIB);
    assert.equal(file.seek("data", MIB), 2 * MIB);
  }),
  "finds the hole behind every file at its end, and ENXIO from there"({ root }) {
    using file = fileOf(root, pattern(10_000));
    assert.equal(file.seek("hole", 0), 10_000);
    assert.equal(file.seek("hole", 9_999), 10_000);
    assert.equal(file.seek("data", 9_999), 9_999);
    refuses("ENXIO", () => file.seek("hole", 10_000));
    refuses("ENXIO", () => file.seek("data", 10_000));
    refuses("ENXIO", () => file.seek("data", 1_000_000_000_000));
    refuses("ENXIO", () => file.seek("data", -1));
  },
  "finds nothing in an empty file"({ root }) {
    using file = fileOf(root, new Uint8Array(0));
    refuses("ENXIO", () => file.seek("hole", 0));
    refuses("ENXIO", () => file.seek("data", 0));
  },
  "sees data that was not yet synced": needing("holes", ({ root }) => {
    using file = fileOf(root, new Uint8Array(0));
    file.truncate(2 * MIB);
    file.write(MIB, bytes("x"));
    assert.ok(file.seek("data", 0) <= MIB);
    assert.ok(file.seek("data", 0) > MIB - 64 * KIB);
  }),
};

export const allocationSuite: PosixSuite = posixSuite("allocation", {
  ...inPlace,
  ...shifting,
  ...refusals,
  ...seeking,
});

function fileOf(root: PosixDirectory, content: Uint8Array): PosixFile {
  put(root, "f", content);
  return root.open("f", O_CREAT | O_RDWR);
}
