/** Contents: reads, writes, growth and shrinking, appends, sparse files, the largest file. Source: pread(2), pwrite(2), truncate(2), open(2). */
import assert from "node:assert/strict";
import { O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_WRONLY } from "../../support/posix-constants.ts";
import {
  bytes,
  contentOf,
  homeOf,
  pattern,
  put,
  readAll,
  refuses,
  text,
  textOf,
  writeAt,
} from "../../support/posix-actions.ts";
import { needing, type PosixSuite, posixSuite, type PosixTests } from "./posix-suite.ts";

const KIB = 1024;
const MIB = 1024 * 1024;

const readsAndWrites: PosixTests = {
  "reads back what was written, and nothing past the end"({ root }) {
    put(root, "f", "hello");
    using file = root.open("f", O_RDWR);
    assert.equal(text(file.read(0, 100)), "hello");
    assert.equal(text(file.read(1, 3)), "ell");
    assert.equal(text(file.read(4, 10)), "o");
    assert.equal(file.read(5, 10).length, 0);
    assert.equal(file.read(5_000_000, 10).length, 0);
    assert.equal(file.read(0, 0).length, 0);
  },
  "overwrites in place without changing the size"({ root }) {
    put(root, "f", "0123456789");
    writeAt(root, "f", 3, "abc");
    assert.equal(textOf(root, "f"), "012abc6789");
  },
  "extends a file from any byte of it"({ root }) {
    put(root, "f", "0123456789");
    writeAt(root, "f", 8, "abcdef");
    assert.equal(textOf(root, "f"), "01234567abcdef");
  },
  "fills what lies between the old end and a later write with zeros"({ root }) {
    put(root, "f", "start");
    writeAt(root, "f", 10_000, "end");
    const content = contentOf(root, "f");
    assert.equal(content.length, 10_003);
    assert.equal(text(content.subarray(0, 5)), "start");
    assert.ok(content.subarray(5, 10_000).every((byte) => byte === 0));
    assert.equal(text(content.subarray(10_000)), "end");
  },
  "keeps writes of every size at every kind of boundary"({ root }) {
    const expected = new Uint8Array(3 * MIB);
    using file = root.open("f", O_CREAT | O_RDWR);
    const sizes = [1, 511, 4095, 4096, 4097, 65_536, 131_071, 131_073, MIB];
    const offsets = [0, 1, 4095, 4096, 131_071, 131_072, MIB - 1, 2 * MIB];
    let seed = 0;
    let size = 0;
    for (const length of sizes) {
      for (const offset of offsets) {
        const data = pattern(length, ++seed);
        assert.equal(file.write(offset, data), length);
        expected.set(data, offset);
        size = Math.max(size, offset + length);
      }
    }
    assert.deepEqual(readAll(file), expected.subarray(0, size));
  },
  "shows a write through one handle to every other at once"({ root }) {
    put(root, "f", "aaaa");
    root.link("f", "g");
    using writer = root.open("f", O_RDWR);
    using reader = root.open("g", O_RDONLY);
    writer.write(2, bytes("bbb"));
    assert.equal(text(reader.read(0, 10)), "aabbb");
    writer.truncate(1);
    assert.equal(text(reader.read(0, 10)), "a");
  },
  "changes nothing by a write of no bytes"({ root }) {
    put(root, "f", "abc");
    using file = root.open("f", O_RDWR);
    assert.equal(file.write(100, new Uint8Array(0)), 0);
    assert.equal(file.stat().size, 3);
  },
  "refuses a negative offset with EINVAL"({ root }) {
    put(root, "f", "abc");
    using file = root.open("f", O_RDWR);
    refuses("EINVAL", () => file.read(-1, 1));
    refuses("EINVAL", () => file.write(-1, bytes("x")));
    refuses("EINVAL", () => file.truncate(-1));
    refuses("EINVAL", () => root.attributes.truncate("f", -1));
  },
  "appends at the end whatever the offset says"({ root }) {
    put(root, "f", "one");
    using first = root.open("f", O_WRONLY | O_APPEND);
    using second = root.open("f", O_RDWR | O_APPEND);
    first.write(0, bytes("two"));
    second.write(1, bytes("three"));
    root.attributes.truncate("f", 4);
    first.write(100, bytes("four"));
    assert.equal(textOf(root, "f"), "onetfour");
    assert.equal(text(second.read(0, 3)), "one");
  },
  "counts blocks of 512 bytes for what it stores": needing("holes", ({ root }) => {
    put(root, "f", pattern(MIB));
    using file = root.open("f", O_RDWR);
    file.sync("all");
    const { blockCount } = file.stat();
    assert.ok(blockCount >= 2048 && blockCount < 2200, `${blockCount} blocks`);
    root.open("sparse", O_CREAT | O_WRONLY).close();
    root.attributes.truncate("sparse", 100 * MIB);
    assert.equal(root.stat("sparse").blockCount, 0);
  }),
};

const truncation: PosixTests = {
  "cuts a file and forgets what was behind"({ root }) {
    put(root, "f", pattern(100_000));
    root.attributes.truncate("f", 12_345);
    assert.deepEqual(contentOf(root, "f"), pattern(100_000).subarray(0, 12_345));
    root.attributes.truncate("f", 100_000);
    const content = contentOf(root, "f");
    assert.equal(content.length, 100_000);
    assert.deepEqual(content.subarray(0, 12_345), pattern(100_000).subarray(0, 12_345));
    assert.ok(content.subarray(12_345).every((byte) => byte === 0));
  },
  "never shows old bytes again after cutting inside a block and growing"({ root }) {
    for (const cut of [0, 1, 4095, 4096, 4097, 131_071, 131_073]) {
      put(root, "f", pattern(200_000));
      using file = root.open("f", O_RDWR);
      file.truncate(cut);
      file.write(199_000, bytes("x"));
      const content = readAll(file);
      assert.equal(content.length, 199_001);
      assert.deepEqual(content.subarray(0, cut), pattern(200_000).subarray(0, cut));
      assert.ok(content.subarray(cut, 199_000).every((byte) => byte === 0));
    }
  },
  "grows a file by zeros"({ root }) {
    put(root, "f", "abc");
    root.attributes.truncate("f", 8);
    assert.equal(textOf(root, "f"), "abc\0\0\0\0\0");
  },
  "refuses what is no regular file"({ root }) {
    root.mkdir("d");
    root.mknod("p", 0o010600);
    refuses("EISDIR", () => root.attributes.truncate("d", 0));
    refuses("EINVAL", () => root.attributes.truncate("p", 0));
    refuses("ENOENT", () => root.attributes.truncate("missing", 0));
  },
  "needs write permission by path, and a handle for writing otherwise": needing(
    "callers",
    ({ root, alice, bob }) => {
      homeOf(root);
      put(alice, "home/f", "abc", 0o600);
      using file = alice.open("home/f", O_RDWR);
      alice.attributes.chmod("home/f", 0o400);
      refuses("EACCES", () => alice.attributes.truncate("home/f", 0));
      refuses("EACCES", () => bob.attributes.truncate("home/f", 0));
      file.truncate(1);
      assert.equal(file.stat().size, 1);
    },
  ),
};

const large: PosixTests = {
  "holds data far apart in one file"({ root }) {
    const places = [
      0,
      5 * MIB,
      64 * MIB - 2,
      3 * 1024 * MIB + 7,
      4096 * MIB - 3,
      9_000_000_000_000,
    ];
    using file = root.open("f", O_CREAT | O_RDWR);
    for (const place of places) file.write(place, bytes(`<${place}>`));
    for (const place of places) {
      const mark = `<${place}>`;
      assert.equal(text(file.read(place, mark.length)), mark);
    }
    assert.equal(file.stat().size, 9_000_000_000_000 + "<9000000000000>".length);
    assert.ok(file.read(2 * 1024 * MIB, 64 * KIB).every((byte) => byte === 0));
  },
  "grows to the largest size and takes its last byte"({ root, limits }) {
    const end = limits.fileSizeMax;
    using file = root.open("f", O_CREAT | O_RDWR);
    file.truncate(end);
    assert.equal(file.stat().size, end);
    assert.equal(file.read(end - 4, 100).length, 4);
    assert.equal(file.write(end - 3, bytes("end")), 3);
    assert.equal(text(file.read(end - 4, 100)), "\0end");
    assert.equal(file.read(end, 1).length, 0);
  },
  "writes short up to the largest size, and says EFBIG at it"({ root, limits }) {
    const end = limits.fileSizeMax;
    using file = root.open("f", O_CREAT | O_RDWR);
    assert.equal(file.write(end - 2, bytes("four")), 2);
    assert.equal(file.stat().size, end);
    refuses("EFBIG", () => file.write(end, bytes("x")));
    refuses("EFBIG", () => file.write(BigInt(end) + 4096n, bytes("x")));
    refuses("EFBIG", () => file.truncate(BigInt(end) + 1n));
    refuses("EFBIG", () => root.attributes.truncate("f", BigInt(end) + 1n));
    refuses("EFBIG", () => file.allocate(0, BigInt(end) - 10n, 20n));
    assert.equal(file.stat().size, end);
  },
  "appends at the end of a large sparse file"({ root }) {
    root.open("f", O_CREAT | O_WRONLY).close();
    root.attributes.truncate("f", 5_000_000_000);
    using file = root.open("f", O_RDWR | O_APPEND);
    file.write(0, bytes("tail"));
    assert.equal(text(file.read(5_000_000_000, 10)), "tail");
  },
  "takes data in one write of several MiB"({ root }) {
    const data = pattern(5 * MIB + 123);
    put(root, "f", data);
    assert.deepEqual(contentOf(root, "f"), data);
  },
  "keeps what was synced and what was not alike"({ root }) {
    using file = root.open("f", O_CREAT | O_RDWR);
    file.write(0, bytes("a"));
    file.sync("data");
    file.write(1, bytes("b"));
    file.sync("all");
    file.write(2, bytes("c"));
    assert.equal(textOf(root, "f"), "abc");
  },
};

export const dataSuite: PosixSuite = posixSuite("data", {
  ...readsAndWrites,
  ...truncation,
  ...large,
});
