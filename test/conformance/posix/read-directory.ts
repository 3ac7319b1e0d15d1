/** Listing directories page by page: completeness while others change them, and cookies that stay good. Source: readdir(3), telldir(3), getdents(2). */
import assert from "node:assert/strict";
import { Prng } from "../../../src/core/prng.ts";
import { O_RDONLY } from "../../support/posix-constants.ts";
import { entriesOf, namesOf, put, refuses } from "../../support/posix-actions.ts";
import type { PosixDirectory } from "./posix-directory.ts";
import type { PosixEntry } from "./posix-file.ts";
import { needing, type PosixSuite, posixSuite } from "./posix-suite.ts";

const ENTRY_COUNT = 10_000;
const SMALL_BUFFER = 1024;
const CREATED_MAX = 1500;

export const readDirectorySuite: PosixSuite = posixSuite("reading directories", {
  "an empty directory has dot and dot-dot"({ root }) {
    root.mkdir("d");
    const entries = entriesOf(root, "d");
    assert.deepEqual(entries.map((entry) => entry.name).sort(), [".", ".."]);
    const inoOf = (name: string): number => entries.find((entry) => entry.name === name)!.ino;
    assert.equal(inoOf("."), root.stat("d").ino);
    assert.equal(inoOf(".."), root.stat("").ino);
    assert.ok(entries.every((entry) => entry.type === 4));
  },
  "a page of any size leads to the same entries"({ root }) {
    fill(root, "", 300);
    const expected = namesOf(root, "");
    for (const size of [280, 300, 1000, 4096, 65_536]) {
      using stream = root.openDirectory("");
      const names: string[] = [];
      for (;;) {
        const page = stream.read(size);
        if (page.length === 0) break;
        names.push(...page.map((entry) => entry.name));
      }
      assert.deepEqual(withoutDots(names).sort(), expected, `pages of ${size} bytes`);
    }
  },
  "the end stays the end, and the beginning can be sought again"({ root }) {
    fill(root, "", 10);
    using stream = root.openDirectory("");
    assert.equal(stream.read(65_536).length, 12);
    assert.equal(stream.read(65_536).length, 0);
    assert.equal(stream.read(65_536).length, 0);
    stream.seek(0n);
    assert.equal(stream.read(65_536).length, 12);
  },
  "a rewound stream shows what has changed"({ root }) {
    fill(root, "", 3);
    using stream = root.openDirectory("");
    stream.read(65_536);
    put(root, "new");
    root.unlink("name-1");
    stream.seek(0n);
    const names = stream.read(65_536).map((entry) => entry.name);
    assert.deepEqual(withoutDots(names).sort(), ["name-0", "name-2", "new"]);
  },
  "10,000 entries are each seen once"({ root }) {
    fill(root, "", ENTRY_COUNT);
    const names = scan(root, SMALL_BUFFER * 4).map((entry) => entry.name);
    assert.equal(new Set(names).size, names.length);
    assert.equal(names.length, ENTRY_COUNT + 2);
  },
  "entries that nobody touches are seen exactly once while others come, go and change names"({
    root,
  }) {
    fill(root, "", ENTRY_COUNT);
    const prng = new Prng(7);
    const touched = new Set<string>();
    let created = 0;
    // Bounded: where new entries come last, a scan that is always disturbed never ends.
    const disturb = (): void => {
      if (created >= CREATED_MAX) return;
      for (let i = 0; i < 4; i++) {
        const victim = `name-${prng.below(ENTRY_COUNT)}`;
        put(root, `new-${created++}`);
        if (touched.has(victim)) continue;
        touched.add(victim);
        if (prng.below(2) === 0) root.unlink(victim);
        else root.rename(victim, `renamed-${victim}`);
      }
    };
    const names = scan(root, SMALL_BUFFER, disturb).map((entry) => entry.name);
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    for (let i = 0; i < ENTRY_COUNT; i++) {
      const name = `name-${i}`;
      if (!touched.has(name)) assert.equal(counts.get(name), 1, name);
    }
    for (const [name, count] of counts) assert.equal(count, 1, `${name} was seen ${count} times`);
    assert.ok(touched.size > 100, "the scan was disturbed");
  },
  "removing everything that was just read empties the directory"({ root }) {
    root.mkdir("d");
    fill(root, "d", 2000);
    using stream = root.openDirectory("d");
    for (;;) {
      const page = stream.read(SMALL_BUFFER);
      if (page.length === 0) break;
      for (const name of withoutDots(page.map((entry) => entry.name))) root.unlink(`d/${name}`);
    }
    assert.deepEqual(namesOf(root, "d"), []);
    root.rmdir("d");
  },
  "a cookie leads back to where it was given": needing("stableCookies", ({ root }) => {
    fill(root, "", 1000);
    const entries = scan(root, SMALL_BUFFER);
    using stream = root.openDirectory("");
    for (let i = 0; i < entries.length - 1; i += 37) {
      stream.seek(entries[i]!.cookie);
      assert.equal(stream.read(280)[0]?.name, entries[i + 1]!.name);
    }
    stream.seek(entries.at(-1)!.cookie);
    assert.deepEqual(stream.read(65_536), []);
  }),
  "a cookie of one stream is good in another": needing("stableCookies", ({ root }) => {
    fill(root, "", 500);
    const entries = scan(root, SMALL_BUFFER);
    using other = root.openDirectory("");
    other.seek(entries[250]!.cookie);
    assert.equal(other.read(280)[0]?.name, entries[251]!.name);
  }),
  "old cookies stay good while entries come and go": needing("stableCookies", ({ root }) => {
    fill(root, "", 3000);
    const entries = scan(root, SMALL_BUFFER);
    for (let i = 0; i < 3000; i += 3) root.unlink(`name-${i}`);
    for (let i = 0; i < 1000; i++) put(root, `later-${i}`);
    using stream = root.openDirectory("");
    for (const start of [0, 1, 500, 1499, 2998]) {
      stream.seek(entries[start]!.cookie);
      const rest: string[] = [];
      for (;;) {
        const page = stream.read(4096);
        if (page.length === 0) break;
        rest.push(...page.filter(isUntouched).map((entry) => entry.name));
      }
      const expected = entries.slice(start + 1).filter(isUntouched);
      assert.deepEqual(rest.sort(), expected.map((entry) => entry.name).sort());
    }
  }),
  "a buffer too small for one entry is EINVAL": needing("mount", ({ root }) => {
    root.mkdir("d");
    put(root, `d/${"n".repeat(200)}`);
    using stream = root.openDirectory("d");
    refuses("EINVAL", () => {
      for (;;) if (stream.read(64).length === 0) break;
    });
  }),
  "a listing needs an open directory"({ root }) {
    put(root, "f");
    refuses("ENOTDIR", () => root.openDirectory("f"));
    refuses("ENOENT", () => root.openDirectory("missing"));
    using file = root.open("f", O_RDONLY);
    assert.equal(file.stat().size, 0);
  },
});

function fill(root: PosixDirectory, path: string, count: number): void {
  const prefix = path === "" ? "" : `${path}/`;
  for (let i = 0; i < count; i++) root.mknod(`${prefix}name-${i}`, 0o100644);
}

function scan(root: PosixDirectory, bufferSize: number, between?: () => void): PosixEntry[] {
  using stream = root.openDirectory("");
  const entries: PosixEntry[] = [];
  for (;;) {
    const page = stream.read(bufferSize);
    if (page.length === 0) return entries;
    entries.push(...page);
    between?.();
  }
}

/** Of the names that a test leaves alone: those not divisible by three. */
function isUntouched({ name }: PosixEntry): boolean {
  return name.startsWith("name-") && Number(name.slice(5)) % 3 !== 0;
}

function withoutDots(names: readonly string[]): string[] {
  return names.filter((name) => name !== "." && name !== "..");
}
