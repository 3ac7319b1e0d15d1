/**
 * One client's own files under a mount whose server is killed again and again, and what must be in them: contents by
 * every way to write, files without a name, a shared mapping, locks, and a directory read half way.
 *
 * What always holds: after every call the memory here says what the filesystem must answer; a wrong answer is thrown.
 */
import assert from "node:assert/strict";
import type { Prng } from "../../src/core/prng.ts";
import type { PosixDirectory } from "../conformance/posix/posix-directory.ts";
import type {
  PosixDirectoryStream,
  PosixEntry,
  PosixFile,
} from "../conformance/posix/posix-file.ts";
import type { PosixMapping } from "../conformance/posix/posix-memory.ts";
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  FS_NODUMP_FL,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDWR,
  O_TMPFILE,
} from "./posix-constants.ts";
import { readAll, refuses } from "./posix-actions.ts";

const DATA_SIZE_MAX: number = 3 * 1024 * 1024;
const WRITE_SIZE_MAX: number = 600 * 1024;
const FILE_COUNT = 4;
const ORPHAN_COUNT_MAX = 12;
const ORPHAN_SIZE_MAX = 60_000;
const MAP_SIZE: number = 256 * 1024;
const SHIFT_SIZE = 16;

/** A file and the bytes it must have. */
class Shadow {
  readonly file: PosixFile;
  bytes: Buffer = Buffer.alloc(0);

  constructor(file: PosixFile) {
    this.file = file;
  }

  put(offset: number, data: Uint8Array): void {
    if (offset + data.length > this.bytes.length) this.resize(offset + data.length);
    this.bytes.set(data, offset);
  }

  resize(size: number): void {
    const next = Buffer.alloc(size);
    this.bytes.copy(next);
    this.bytes = next;
  }

  check(offset: number, length: number, what: string): void {
    const found = this.file.read(offset, length);
    const wanted = this.bytes.subarray(offset, offset + length);
    if (Buffer.compare(found, wanted) === 0) return;
    const at = wanted.findIndex((byte, index) => found[index] !== byte);
    assert.fail(
      `${what}: ${found.length} bytes at ${offset}, ${wanted.length} wanted, first difference at ${offset + at}`,
    );
  }

  checkAll(what: string): void {
    assert.equal(this.file.stat().size, this.bytes.length, `${what}: its size`);
    this.check(0, this.bytes.length, what);
  }
}

export class PrivateFiles implements Disposable {
  readonly #directory: PosixDirectory;
  readonly #prng: Prng;
  readonly #files: Shadow[] = [];
  readonly #appended: Shadow;
  readonly #orphans: Shadow[] = [];
  readonly #map: Shadow;
  readonly #mapping: PosixMapping;
  readonly #locked: PosixFile;
  #locks: "flock" | "range" | undefined;
  #orphanCount = 0;

  /** `directory` is empty and only this client's. */
  constructor(directory: PosixDirectory, prng: Prng) {
    this.#directory = directory;
    this.#prng = prng;
    for (let index = 0; index < FILE_COUNT; index++) {
      this.#files.push(new Shadow(directory.open(`data-${index}`, O_RDWR | O_CREAT | O_EXCL)));
    }
    this.#appended = new Shadow(directory.open("log", O_RDWR | O_CREAT | O_EXCL | O_APPEND));
    this.#map = new Shadow(directory.open("map", O_RDWR | O_CREAT | O_EXCL));
    this.#map.file.truncate(MAP_SIZE);
    this.#map.resize(MAP_SIZE);
    const { mappings } = directory;
    const whole = { offset: 0, length: MAP_SIZE, shared: true, writable: true };
    this.#mapping = mappings.map(this.#map.file, whole);
    this.#locked = directory.open("lock", O_RDWR | O_CREAT | O_EXCL);
  }

  /** One random operation and a look at what came of it. */
  step(): void {
    const steps = [
      () => this.#write(),
      () => this.#write(),
      () => this.#append(),
      () => this.#truncate(),
      () => this.#allocate(),
      () => this.#copy(),
      () => this.#read(),
      () => this.#sync(),
      () => this.#makeOrphan(),
      () => this.#useOrphan(),
      () => this.#store(),
      () => this.#lock(),
      () => this.#flag(),
    ];
    steps[this.#prng.below(steps.length)]!();
  }

  checkAll(): void {
    for (const [index, shadow] of this.#files.entries()) shadow.checkAll(`data-${index}`);
    this.#appended.checkAll("the log");
    for (const [index, shadow] of this.#orphans.entries()) shadow.checkAll(`orphan ${index}`);
    this.#checkMap();
  }

  [Symbol.dispose](): void {
    this.#mapping.sync();
    this.#mapping.close();
    const open = [...this.#files, this.#appended, this.#map, ...this.#orphans];
    for (const { file } of open) file.close();
    this.#locked.close();
  }

  #pick(): Shadow {
    return this.#files[this.#prng.below(this.#files.length)]!;
  }

  #data(sizeMax: number): Uint8Array {
    const isLarge = this.#prng.below(8) === 0;
    const size = 1 + this.#prng.below(isLarge ? sizeMax : Math.min(sizeMax, 9000));
    const [seed, step] = [this.#prng.u32(), 1 + this.#prng.below(250)];
    return Uint8Array.from({ length: size }, (_, index) => seed + index * step + (index >> 8));
  }

  #write(): void {
    const shadow = this.#pick();
    const data = this.#data(WRITE_SIZE_MAX);
    const offset = this.#prng.below(DATA_SIZE_MAX - data.length);
    assert.equal(shadow.file.write(offset, data), data.length, "a write is whole");
    shadow.put(offset, data);
    if (this.#prng.below(3) === 0) shadow.check(offset, data.length, "what was just written");
  }

  #append(): void {
    const shadow = this.#appended;
    if (shadow.bytes.length > DATA_SIZE_MAX) {
      shadow.file.truncate(0);
      shadow.resize(0);
    }
    const data = this.#data(40_000);
    assert.equal(shadow.file.write(0, data), data.length, "an append is whole");
    shadow.put(shadow.bytes.length, data);
    assert.equal(shadow.file.stat().size, shadow.bytes.length, "the log after an append");
  }

  #truncate(): void {
    const shadow = this.#pick();
    const size = this.#prng.below(DATA_SIZE_MAX);
    shadow.file.truncate(size);
    shadow.resize(size);
  }

  #allocate(): void {
    const shadow = this.#pick();
    if (shadow.bytes.length < 2) return;
    const offset = this.#prng.below(shadow.bytes.length - 1);
    const length = 1 + this.#prng.below(shadow.bytes.length - offset);
    const mode =
      this.#prng.below(2) === 0 ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : FALLOC_FL_ZERO_RANGE;
    shadow.file.allocate(mode, offset, length);
    shadow.bytes.fill(0, offset, offset + length);
  }

  #copy(): void {
    const [source, target] = [this.#pick(), this.#pick()];
    if (source === target || source.bytes.length === 0) return;
    const from = this.#prng.below(source.bytes.length);
    const to = this.#prng.below(DATA_SIZE_MAX / 2);
    const length = Math.min(source.bytes.length - from, 1 + this.#prng.below(500_000));
    for (let done = 0; done < length;) {
      const rest = { from: from + done, to: to + done, length: length - done };
      const count = source.file.copyTo(target.file, rest);
      assert.ok(count > 0, "copy_file_range gets on");
      done += count;
    }
    target.put(to, source.bytes.subarray(from, from + length));
    target.check(to, Math.min(length, 5000), "what was just copied");
  }

  #read(): void {
    const shadow = this.#pick();
    const offset = this.#prng.below(shadow.bytes.length + 1);
    shadow.check(offset, 1 + this.#prng.below(300_000), "a read");
    assert.equal(shadow.file.stat().size, shadow.bytes.length, "fstat");
  }

  #sync(): void {
    this.#pick().file.sync(this.#prng.below(2) === 0 ? "data" : "all");
  }

  #makeOrphan(): void {
    while (this.#orphans.length >= ORPHAN_COUNT_MAX) {
      const [shadow] = this.#orphans.splice(this.#prng.below(this.#orphans.length), 1);
      shadow!.checkAll("an unlinked file, before it is closed");
      shadow!.file.close();
    }
    const shadow = this.#newOrphan();
    this.#orphans.push(shadow);
    const data = this.#data(ORPHAN_SIZE_MAX);
    shadow.file.write(0, data);
    shadow.put(0, data);
    assert.equal(shadow.file.stat().nlink, 0, "nlink of what has no name");
  }

  #newOrphan(): Shadow {
    if (this.#prng.below(2) === 0) return new Shadow(this.#directory.open("", O_RDWR | O_TMPFILE));
    const name = `orphan-${this.#orphanCount++}`;
    const shadow = new Shadow(this.#directory.open(name, O_RDWR | O_CREAT | O_EXCL));
    this.#directory.unlink(name);
    refuses("ENOENT", () => this.#directory.unlink(name));
    return shadow;
  }

  #useOrphan(): void {
    const shadow = this.#orphans[this.#prng.below(Math.max(1, this.#orphans.length))];
    if (shadow === undefined) return;
    const data = this.#data(ORPHAN_SIZE_MAX);
    const offset = this.#prng.below(ORPHAN_SIZE_MAX);
    shadow.file.write(offset, data);
    shadow.put(offset, data);
    shadow.checkAll("an unlinked file");
  }

  #store(): void {
    const data = this.#data(20_000);
    const offset = this.#prng.below(MAP_SIZE - data.length);
    this.#mapping.bytes.set(data, offset);
    this.#map.put(offset, data);
    if (this.#prng.below(2) === 0) this.#mapping.sync();
    this.#map.check(offset, data.length, "what was stored into the mapping");
    if (this.#prng.below(6) === 0) this.#checkMap();
  }

  #checkMap(): void {
    this.#mapping.sync();
    this.#map.checkAll("the mapped file");
    assert.equal(Buffer.compare(this.#mapping.bytes, this.#map.bytes), 0, "the mapping");
  }

  /** An ioctl, whose new ctime is seen at once. */
  #flag(): void {
    const { attributes } = this.#directory;
    const before = this.#directory.stat("lock").ctimeNs;
    const flags = FS_NODUMP_FL ^ (attributes.getFlags("lock") & FS_NODUMP_FL);
    attributes.setFlags("lock", flags);
    assert.equal(attributes.getFlags("lock") & FS_NODUMP_FL, flags, "the flag that was set");
    assert.ok(this.#directory.stat("lock").ctimeNs > before, "setting a flag moves ctime");
  }

  /** Locks are the kernel's: whoever holds one keeps it whatever happens to the server. */
  #lock(): void {
    const { locks } = this.#directory;
    using other = this.#directory.open("lock", O_RDWR);
    const whole = { start: 0, length: 0 };
    if (this.#locks === "flock") {
      refuses("EAGAIN", () => locks.flock(other, "exclusive"));
      locks.flock(this.#locked, "unlock");
    } else if (this.#locks === "range") {
      refuses("EAGAIN", () => locks.lockRange(other, { ...whole, kind: "shared" }));
      locks.lockRange(this.#locked, { ...whole, kind: "unlock" });
    }
    const next = (["flock", "range", undefined] as const)[this.#prng.below(3)];
    if (next === "flock") locks.flock(this.#locked, "exclusive");
    if (next === "range") locks.lockRange(this.#locked, { ...whole, kind: "exclusive" });
    this.#locks = next;
  }
}

/** Reads a directory a little at a time, with much happening in between. */
export class SlowReader implements Disposable {
  readonly #directory: PosixDirectory;
  readonly #path: string;
  readonly #prng: Prng;
  /** Names that are there all the time. */
  readonly #constant: ReadonlySet<string>;
  #stream: PosixDirectoryStream | undefined;
  #seen = new Set<string>();
  passCount = 0;

  constructor(options: {
    readonly directory: PosixDirectory;
    readonly path: string;
    readonly constant: ReadonlySet<string>;
    readonly prng: Prng;
  }) {
    this.#directory = options.directory;
    this.#path = options.path;
    this.#constant = options.constant;
    this.#prng = options.prng;
  }

  step(): void {
    this.#stream ??= this.#directory.openDirectory(this.#path);
    for (let rest = 1 + this.#prng.below(6); rest > 0; rest--) {
      const entries: readonly PosixEntry[] = this.#stream.read(280 + this.#prng.below(16_000));
      for (const { name } of entries) {
        const isOnce = !this.#seen.has(name);
        assert.ok(isOnce || !this.#constant.has(name), `${name} was listed twice`);
        this.#seen.add(name);
      }
      if (entries.length > 0) continue;
      this.#end();
      return;
    }
  }

  [Symbol.dispose](): void {
    this.#stream?.close();
  }

  #end(): void {
    for (const name of this.#constant) assert.ok(this.#seen.has(name), `${name} was not listed`);
    this.#stream?.close();
    this.#stream = undefined;
    this.#seen = new Set();
    this.passCount++;
  }
}

/** Not idempotent operations in sequence, each of which must take effect exactly once. */
export class OnceLoop implements Disposable {
  readonly #directory: PosixDirectory;
  readonly #log: PosixFile;
  readonly #wide: PosixFile;
  #count = 0;
  #isSwapped = false;

  constructor(directory: PosixDirectory) {
    this.#directory = directory;
    this.#log = directory.open("once-log", O_RDWR | O_CREAT | O_EXCL | O_APPEND);
    this.#wide = directory.open("once-wide", O_RDWR | O_CREAT | O_EXCL);
    for (const name of ["left", "right"]) {
      using file = directory.open(name, O_RDWR | O_CREAT | O_EXCL);
      file.write(0, Buffer.from(name));
    }
  }

  get count(): number {
    return this.#count;
  }

  step(): void {
    const directory = this.#directory;
    directory.mkdir("d");
    refuses("EEXIST", () => directory.mkdir("d"));
    directory.open("d/f", O_RDWR | O_CREAT | O_EXCL).close();
    refuses("EEXIST", () => directory.open("d/f", O_RDWR | O_CREAT | O_EXCL));
    directory.link("d/f", "d/g");
    refuses("EEXIST", () => directory.link("d/f", "d/g"));
    assert.equal(directory.stat("d/f").nlink, 2);
    directory.rename("d/g", "h");
    refuses("ENOENT", () => directory.rename("d/g", "h"));
    directory.symlink("h", "d/s");
    refuses("EEXIST", () => directory.symlink("h", "d/s"));
    this.#appendAndSwap();
    directory.unlink("h");
    refuses("ENOENT", () => directory.unlink("h"));
    directory.unlink("d/s");
    refuses("ENOTEMPTY", () => directory.rmdir("d"));
    directory.unlink("d/f");
    directory.rmdir("d");
    refuses("ENOENT", () => directory.rmdir("d"));
  }

  checkAll(): void {
    const log = readAll(this.#log);
    assert.equal(log.length, this.#count * SHIFT_SIZE, "the log's size");
    for (let index = 0; index < this.#count; index++) {
      const record = Buffer.from(log.subarray(index * SHIFT_SIZE, (index + 1) * SHIFT_SIZE));
      assert.equal(record.toString(), recordOf(index), `record ${index}`);
    }
    assert.deepEqual(readAll(this.#wide), log, "the copy of the log");
    this.#checkSides();
  }

  [Symbol.dispose](): void {
    this.#log.close();
    this.#wide.close();
  }

  #appendAndSwap(): void {
    const record = Buffer.from(recordOf(this.#count));
    const at = this.#count * SHIFT_SIZE;
    assert.equal(this.#log.write(0, record), SHIFT_SIZE);
    const range = { from: at, to: at, length: SHIFT_SIZE };
    assert.equal(this.#log.copyTo(this.#wide, range), SHIFT_SIZE);
    this.#count++;
    assert.equal(this.#log.stat().size, this.#count * SHIFT_SIZE, "an append took effect once");
    this.#directory.rename("left", "right", 2);
    this.#isSwapped = !this.#isSwapped;
    this.#checkSides();
  }

  #checkSides(): void {
    using file = this.#directory.open("left", O_RDWR);
    const wanted = this.#isSwapped ? "right" : "left";
    assert.equal(Buffer.from(readAll(file)).toString(), wanted, "an exchange took effect once");
  }
}

function recordOf(index: number): string {
  return `${String(index).padStart(SHIFT_SIZE - 1, "0")}\n`;
}
