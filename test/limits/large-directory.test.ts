/**
 * One directory with very many names: making, finding, reading, seeking to old places while others change it, removing.
 *
 * SHOAL_LIMIT_NAMES chooses how many (5,000; the long run has 1,000,000).
 */
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { Prng } from "../../src/core/prng.ts";
import type { PosixDirectory } from "../conformance/posix/posix-directory.ts";
import { MountFixture, skipWithoutMount } from "../support/mount-fixture.ts";
import { O_CREAT, O_EXCL, O_WRONLY } from "../support/posix-constants.ts";
import { refuses } from "../support/posix-actions.ts";
import { openDirectory } from "../support/tree-manifest.ts";

const COUNT = Number(process.env["SHOAL_LIMIT_NAMES"] ?? 5000);
const SEEK_EVERY = 1000;
const STAT_COUNT: number = Math.min(COUNT, 20_000);
const READ_SIZE = 64 * 1024;
/** After a seek so much is read: some thousand entries. */
const READS_AFTER_SEEK = 3;
/** Changes between two seeks. */
const CHANGE_COUNT = 20;
const DIRECTORY = "many";

function nameOf(index: number): string {
  return `${DIRECTORY}/name-${index}`;
}

describe(`a directory of ${COUNT} names`, skipWithoutMount(), () => {
  let fixture: MountFixture;
  let opened: ReturnType<typeof openDirectory>;
  let root: PosixDirectory;
  /** Inode numbers of names that nobody touches, by index. */
  const inos: number[] = [];

  before(async () => {
    fixture = await MountFixture.mounted({ name: "large-directory" });
    opened = openDirectory(fixture.mountPoint);
    root = opened.directory;
    root.mkdir(DIRECTORY);
  });
  after(() => {
    opened?.[Symbol.dispose]();
    fixture?.remove();
  });

  it("is filled", (context) => {
    tell(context, "creates", COUNT, () => {
      for (let index = 0; index < COUNT; index++) {
        root.open(nameOf(index), O_CREAT | O_EXCL | O_WRONLY).close();
      }
    });
  });

  it("finds each name, and no other", (context) => {
    const prng = new Prng(1);
    tell(context, "stats", STAT_COUNT, () => {
      for (let count = 0; count < STAT_COUNT; count++) {
        const index = prng.below(COUNT);
        inos[index] = root.stat(nameOf(index)).ino;
      }
    });
    refuses("ENOENT", () => root.stat(nameOf(COUNT)));
  });

  it("is read from its begin to its end, each name once", (context) => {
    tell(context, "entries read", COUNT, () => {
      assert.equal(readAll(root, inos).size, COUNT);
    });
  });

  it("goes on rightly from every old place while others create, unlink and rename", () => {
    const places = placesOf(root);
    const prng = new Prng(2);
    const changer = new Changer(root, prng);
    using stream = root.openDirectory(DIRECTORY);
    for (const place of places) {
      for (let count = 0; count < CHANGE_COUNT; count++) changer.step();
      stream.seek(place.cookie);
      const found: string[] = [];
      for (let read = 0; read < READS_AFTER_SEEK; read++) {
        found.push(...stream.read(READ_SIZE).map(({ name }) => name));
      }
      const constant = found.filter((name) => name.startsWith("name-"));
      assert.deepEqual(constant, place.next.slice(0, constant.length));
      const isEnd = place.next.length === constant.length;
      assert.ok(constant.length >= SEEK_EVERY || isEnd, `only ${constant.length} from there`);
    }
    changer.removeAll();
  });

  it("is the same after a kill and after a remount", async () => {
    await fixture.kill();
    assert.equal(readAll(root, inos).size, COUNT);
    opened[Symbol.dispose]();
    await fixture.remount();
    opened = openDirectory(fixture.mountPoint);
    root = opened.directory;
    assert.equal(readAll(root, inos).size, COUNT);
  });

  it("is emptied", async (context) => {
    refuses("ENOTEMPTY", () => root.rmdir(DIRECTORY));
    tell(context, "unlinks", COUNT, () => {
      for (let index = 0; index < COUNT; index++) root.unlink(nameOf(index));
    });
    root.rmdir(DIRECTORY);
    opened[Symbol.dispose]();
    await fixture.umount();
    await fixture.demandClean();
  });
});

/** Figures for the table: how many, and how many a second. */
function tell(context: TestContext, what: string, count: number, work: () => void): void {
  const startMs = performance.now();
  work();
  const perSecond = Math.round((count * 1000) / (performance.now() - startMs));
  context.diagnostic(`proof: ${count} ${what}, ${perSecond}/s`);
}

/** Throws when one is listed twice, or under another inode number than stat said. */
function readAll(root: PosixDirectory, inos: readonly number[]): Set<string> {
  const names = new Set<string>();
  using stream = root.openDirectory(DIRECTORY);
  for (let entries = stream.read(READ_SIZE); entries.length > 0; entries = stream.read(READ_SIZE)) {
    for (const { name, ino } of entries) {
      if (!name.startsWith("name-")) continue;
      assert.ok(!names.has(name), `${name} is listed twice`);
      names.add(name);
      const known = inos[Number(name.slice("name-".length))];
      assert.ok(known === undefined || known === ino, `${name} has another inode number`);
    }
  }
  return names;
}

interface Place {
  readonly cookie: bigint;
  /** The names behind it, some thousands. */
  readonly next: readonly string[];
}

/** Every thousandth place, with what lies behind it. */
function placesOf(root: PosixDirectory): Place[] {
  const all: { readonly name: string; readonly cookie: bigint }[] = [];
  using stream = root.openDirectory(DIRECTORY);
  for (let entries = stream.read(READ_SIZE); entries.length > 0; entries = stream.read(READ_SIZE)) {
    all.push(...entries.filter(({ name }) => name.startsWith("name-")));
  }
  const places: Place[] = [];
  for (let at = 0; at < all.length; at += SEEK_EVERY) {
    const next = all.slice(at + 1, at + 1 + SEEK_EVERY * 10).map(({ name }) => name);
    places.push({ cookie: all[at]!.cookie, next });
  }
  return places;
}

/** Names that come, move and go between those that stay. */
class Changer {
  readonly #root: PosixDirectory;
  readonly #prng: Prng;
  readonly #names: string[] = [];
  #count = 0;

  constructor(root: PosixDirectory, prng: Prng) {
    this.#root = root;
    this.#prng = prng;
  }

  step(): void {
    const kind = this.#prng.below(3);
    const at = this.#prng.below(this.#names.length);
    if (kind === 0 || this.#names.length === 0) {
      this.#root.open(this.#nextName(), O_CREAT | O_EXCL | O_WRONLY).close();
    } else if (kind === 1) {
      this.#root.unlink(this.#names.splice(at, 1)[0]!);
    } else {
      const [name] = this.#names.splice(at, 1);
      this.#root.rename(name!, this.#nextName());
    }
  }

  removeAll(): void {
    for (const name of this.#names) this.#root.unlink(name);
  }

  #nextName(): string {
    const name = `${DIRECTORY}/extra-${this.#count++}`;
    this.#names.push(name);
    return name;
  }
}
