import assert from "node:assert/strict";
import { closeSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  closeFd,
  copyFileRange,
  FallocateMode,
  fallocateFd,
  ioctlFd,
  O_TMPFILE,
  openFd,
  readFd,
  readFully,
  seekFd,
  SeekWhence,
  setInherited,
  setNonBlocking,
  syncFilesystem,
  writeFd,
} from "./fd.ts";
import { linkDescriptor, makeNode, rename2, RenameFlag } from "./name.ts";
import { createSocketPair, receiveDescriptor, sendDescriptor } from "./socket.ts";
import { setTimes, statxPath, UTIME_OMIT } from "./stat.ts";

const FIONREAD = 0x541b;
const directory = mkdtempSync(join(tmpdir(), "shoal-sys-"));
after(() => rmSync(directory, { recursive: true }));

function at(name: string): string {
  return join(directory, name);
}

describe("a descriptor", () => {
  it("reads and writes, and returns a negative errno in place of throwing", () => {
    const fd = openFd(at("plain"), constants.O_RDWR | constants.O_CREAT, 0o600);
    assert.equal(writeFd(fd, Uint8Array.of(1, 2, 3, 4), 3), 3);
    assert.equal(seekFd(fd, 0, SeekWhence.SET), 0);
    const into = new Uint8Array(8);
    assert.equal(readFd(fd, into, 8), 3);
    assert.deepEqual(into.subarray(0, 4), Uint8Array.of(1, 2, 3, 0));
    assert.equal(readFd(fd, into, 8), 0);
    closeFd(fd);
    assert.equal(readFd(fd, into, 8), -9);
    assert.equal(writeFd(fd, into, 8), -9);
    assert.throws(() => closeFd(fd), { code: "EBADF" });
  });

  it("reads into shared memory", () => {
    writeFileSync(at("shared"), "abc");
    const fd = openFd(at("shared"), constants.O_RDONLY);
    const into = new Uint8Array(new SharedArrayBuffer(8));
    assert.equal(readFd(fd, into, 8), 3);
    assert.equal(into[2], 0x63);
    closeFd(fd);
  });

  it("throws with code and path when it cannot be opened", () => {
    assert.throws(() => openFd(at("absent"), constants.O_RDONLY), {
      code: "ENOENT",
      message: `open ${at("absent")}: ENOENT`,
    });
    assert.throws(() => openFd("a\0b", constants.O_RDONLY), { code: "EINVAL" });
  });

  it("says EAGAIN when it would wait, and hands over what it is asked about", () => {
    const [one, other] = createSocketPair();
    setNonBlocking(other);
    assert.equal(readFd(other, new Uint8Array(1), 1), -11);
    writeFd(one, new Uint8Array(5), 5);
    const count = new Uint8Array(4);
    ioctlFd(other, FIONREAD, count);
    assert.equal(count[0], 5);
    readFully(other, new Uint8Array(5), 5);
    closeFd(one);
    assert.throws(() => readFully(other, new Uint8Array(1), 1), { code: "EPIPE" });
    closeFd(other);
  });

  it("crosses a socket as another descriptor of the same file", () => {
    writeFileSync(at("sent"), "over the wire");
    const fd = openFd(at("sent"), constants.O_RDONLY);
    const [one, other] = createSocketPair();
    sendDescriptor(one, fd);
    const received = receiveDescriptor(other);
    assert.notEqual(received, fd);
    assert.equal(readFileSync(received, "utf8"), "over the wire");
    closeFd(one);
    assert.throws(() => receiveDescriptor(other), { code: "EPIPE" });
    for (const each of [fd, other, received]) closeFd(each);
  });

  it("is inherited or not, as told", () => {
    const fd = openFd(at("plain"), constants.O_RDONLY | 0o2000000);
    const flags = (): number =>
      Number.parseInt(
        /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))![1]!,
        8,
      );
    assert.ok((flags() & 0o2000000) !== 0);
    setInherited(fd, { inherited: true });
    assert.ok((flags() & 0o2000000) === 0);
    setInherited(fd, { inherited: false });
    assert.ok((flags() & 0o2000000) !== 0);
    closeFd(fd);
  });

  it("punches holes and finds them", () => {
    writeFileSync(at("holes"), Buffer.alloc(65_536, 1));
    const fd = openFd(at("holes"), constants.O_RDWR);
    const mode = FallocateMode.PUNCH_HOLE | FallocateMode.KEEP_SIZE;
    fallocateFd(fd, mode, { offset: 16_384, size: 16_384 });
    syncFilesystem(fd);
    assert.equal(seekFd(fd, 0, SeekWhence.HOLE), 16_384);
    assert.equal(seekFd(fd, 16_384, SeekWhence.DATA), 32_768);
    assert.throws(() => seekFd(fd, 65_536, SeekWhence.DATA), { code: "ENXIO" });
    closeFd(fd);
  });

  it("copies to another at offsets of both", () => {
    writeFileSync(at("from"), "0123456789");
    const from = openFd(at("from"), constants.O_RDONLY);
    const to = openFd(at("to"), constants.O_RDWR | constants.O_CREAT, 0o600);
    assert.equal(copyFileRange({ from, fromOffset: 2, to, toOffset: 1, size: 4 }), 4);
    assert.equal(readFileSync(at("to"), "latin1"), "\x002345");
    closeSync(from);
    closeSync(to);
  });

  it("has no name until it is linked, with O_TMPFILE", () => {
    const fd = openFd(directory, O_TMPFILE | constants.O_RDWR, 0o600);
    writeFd(fd, Uint8Array.of(0x78), 1);
    linkDescriptor(fd, at("named"));
    assert.equal(readFileSync(at("named"), "utf8"), "x");
    assert.throws(() => linkDescriptor(fd, at("named")), { code: "EEXIST" });
    closeFd(fd);
  });
});

describe("a name", () => {
  it("is exchanged, and not replaced when told so", () => {
    writeFileSync(at("a"), "A");
    writeFileSync(at("b"), "B");
    rename2(at("a"), at("b"), RenameFlag.EXCHANGE);
    assert.equal(readFileSync(at("a"), "utf8"), "B");
    assert.throws(() => rename2(at("a"), at("b"), RenameFlag.NOREPLACE), { code: "EEXIST" });
  });

  it("is made of any kind, of any bytes", () => {
    const path = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0xfe])]);
    makeNode(path, { mode: 0o010600 });
    assert.equal(statxPath(path).mode & 0o170000, 0o010000);
  });

  it("has a birth time, and takes times to the nanosecond", () => {
    writeFileSync(at("timed"), "");
    const mtime = { sec: -5, nsec: 123_456_789 };
    setTimes(at("timed"), { atime: { sec: 0, nsec: UTIME_OMIT }, mtime });
    const found = statxPath(at("timed"));
    assert.deepEqual(found.mtime, mtime);
    assert.ok(found.atime.sec > 1_000_000_000);
    assert.ok(found.btime.sec > 1_000_000_000);
    assert.equal(found.nlink, 1);
    assert.throws(() => statxPath(at("absent")), { code: "ENOENT" });
  });
});
