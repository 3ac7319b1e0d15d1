import assert from "node:assert/strict";
import {
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { objectStoreConformance } from "../../test/conformance/object-store.ts";
import { SystemClock } from "../core/clock.ts";
import { FileObjectStore } from "./file-object-store.ts";
import { LEFTOVER_AGE_MAX_MS } from "./file/temporary-files.ts";

const clock = new SystemClock();

objectStoreConformance(
  "FileObjectStore",
  async () => {
    const root = await mkdtemp(join(tmpdir(), "file-store-"));
    const store = await FileObjectStore.open({ root, clock });
    const dispose = async (): Promise<void> => {
      await store.close();
      await rm(root, { recursive: true });
    };
    return { store, dispose };
  },
  { refusesNestedKeys: true },
);

describe("the layout of FileObjectStore", () => {
  it("keeps an object in the file of its key, private to the owner", async (t) => {
    const { root, store } = await open(t);
    await store.create("packs/aa/1", bytes("x"));
    assert.equal(store.localPath("packs/aa/1"), join(root, "packs/aa/1"));
    assert.equal((await stat(store.localPath("packs/aa/1"))).mode & 0o777, 0o600);
    assert.equal((await stat(join(root, "packs/aa"))).mode & 0o777, 0o700);
    assert.equal((await stat(join(root, ".tmp"))).mode & 0o777, 0o700);
    assert.equal(store.capabilities.localRoot, root);
    assert.equal(store.url, `file://${root}`);
  });

  it("leaves no temporary file behind, won or lost", async (t) => {
    const { root, store } = await open(t);
    const { tag } = (await store.create("a/b", bytes("1"))) as { tag: string };
    await store.create("a/b", bytes("2"));
    await store.swap("a/b", tag, bytes("3"));
    await store.swap("a/b", tag, bytes("4"));
    await assert.rejects(store.create("a", bytes("5")));
    assert.deepEqual(await readdir(join(root, ".tmp")), []);
    assert.equal((await stat(join(root, ".lock"))).mode & 0o777, 0o600);
  });

  it("links a file in instead of copying it, on one file system", async (t) => {
    const { root, store } = await open(t);
    const source = join(await temporaryDirectory(t), "pack");
    await writeFile(source, bytes("pack"));
    await store.createFromFile("p/1", source);
    assert.equal((await stat(source)).ino, (await stat(join(root, "p/1"))).ino);
  });

  it("copies a file from another file system", async (t) => {
    const { root, store } = await open(t);
    const other = await mkdtemp("/dev/shm/file-store-").catch(() => undefined);
    if (other === undefined || (await stat(other)).dev === (await stat(root)).dev) {
      t.skip("/dev/shm is no second file system here");
      return;
    }
    t.after(() => rm(other, { recursive: true }));
    await writeFile(join(other, "pack"), new Uint8Array(9_000_000).fill(7), { mode: 0o644 });
    const created = await store.createFromFile("p/1", join(other, "pack"));
    assert.equal(created.created && created.tag, (await store.head("p/1"))?.tag);
    assert.deepEqual((await store.get("p/1"))?.body, new Uint8Array(9_000_000).fill(7));
    assert.equal((await stat(join(root, "p/1"))).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(join(root, ".tmp")), []);
  });

  it("gives a large swapped object a later time than the one it replaces, whatever the clock says", async (t) => {
    const { root, store } = await open(t);
    await store.create("large", new Uint8Array(100_000));
    const futureSec = Math.floor(Date.now() / 1000) + 86_400;
    await utimes(join(root, "large"), futureSec, futureSec);
    const { tag } = (await store.head("large"))!;
    const swapped = await store.swap("large", tag, new Uint8Array(100_000).fill(1));
    const info = (await store.head("large"))!;
    assert.equal(info.modifiedMs > futureSec * 1000, true);
    assert.equal(swapped.swapped && swapped.tag, info.tag);
  });

  it("removes empty directories with the last key in them, and no others", async (t) => {
    const { root, store } = await open(t);
    await store.create("a/b/c/1", bytes("x"));
    await store.create("a/2", bytes("x"));
    await store.delete("a/b/c/1");
    assert.deepEqual(await readdir(join(root, "a")), ["2"]);
    await store.delete("a/2");
    assert.deepEqual((await readdir(root)).sort(), [".lock", ".tmp"]);
  });

  it("creates a key where a crash left empty directories", async (t) => {
    const { root, store } = await open(t);
    await mkdir(join(root, "a/b/c"), { recursive: true });
    assert.equal((await store.create("a", bytes("x"))).created, true);
  });

  it("sweeps temporary files past their age when it opens, and neither lists nor keeps them as objects", async (t) => {
    const { root, store } = await open(t);
    await store.create("k", bytes("x"));
    const ages = { old: LEFTOVER_AGE_MAX_MS + 60_000, young: LEFTOVER_AGE_MAX_MS - 60_000 };
    for (const [name, ageMs] of Object.entries(ages)) {
      await writeFile(join(root, ".tmp", name), "half of a body");
      const at = (Date.now() - ageMs) / 1000;
      await utimes(join(root, ".tmp", name), at, at);
    }
    await using again = await FileObjectStore.open({ root, clock });
    assert.deepEqual(await readdir(join(root, ".tmp")), ["young"]);
    assert.deepEqual(
      (await again.list({ prefix: "" })).objects.map((o) => o.key),
      ["k"],
    );
  });
});

describe("FileObjectStore refuses instead of guessing", () => {
  it("a missing directory, a file in its place, and / itself", async (t) => {
    const parent = await temporaryDirectory(t);
    const missing = join(parent, "missing");
    await assert.rejects(FileObjectStore.open({ root: missing, clock }), {
      code: "ENOENT",
      message: /missing as an object store.*create the directory/,
    });
    await writeFile(join(parent, "file"), "");
    const root = join(parent, "file");
    await assert.rejects(FileObjectStore.open({ root, clock }), { code: "ENOTDIR" });
    await assert.rejects(FileObjectStore.open({ root: "/", clock }), { code: "EINVAL" });
  });

  it("makes the directory when asked to, but not those above it", async (t) => {
    const parent = await temporaryDirectory(t);
    await using store = await FileObjectStore.open({
      root: join(parent, "new"),
      clock,
      createRoot: true,
    });
    assert.equal((await store.create("k", bytes("x"))).created, true);
    const deep = FileObjectStore.open({ root: join(parent, "x/y"), clock, createRoot: true });
    await assert.rejects(deep, { code: "ENOENT" });
  });

  it("a root that was replaced by an empty directory: nothing is absent, all is an error", async (t) => {
    const { root, store } = await open(t);
    await store.create("k", bytes("x"));
    await rename(root, `${root}.moved`);
    t.after(() => rm(`${root}.moved`, { recursive: true }));
    await mkdir(root);
    const calls: readonly (() => Promise<unknown>)[] = [
      () => store.get("k"),
      () => store.head("absent"),
      () => store.list({ prefix: "" }),
      () => store.create("new", bytes("x")),
      () => store.swap("k", "tag", bytes("x")),
      () => store.delete("k"),
    ];
    for (const call of calls) {
      await assert.rejects(call, { code: "ENODEV", retryable: false, message: /unmounted/ });
    }
    await rm(root, { recursive: true });
    for (const call of calls) await assert.rejects(call, { code: "ENODEV" });
    await mkdir(root);
  });

  it("symbolic links, in the way to a key and in place of one", async (t) => {
    const { root, store } = await open(t);
    const outside = await temporaryDirectory(t);
    await writeFile(join(outside, "secret"), "secret");
    await symlink(outside, join(root, "link"));
    await mkdir(join(root, "real"));
    await symlink(join(outside, "secret"), join(root, "real/leaf"));
    for (const key of ["link/secret", "real/leaf"]) {
      await assert.rejects(store.get(key), { code: "ELOOP" }, key);
      await assert.rejects(store.head(key), { code: "ELOOP" }, key);
      await assert.rejects(store.create(key, bytes("x")), { code: "ELOOP" }, key);
      await assert.rejects(store.swap(key, "tag", bytes("x")), { code: "ELOOP" }, key);
    }
    await assert.rejects(store.create("link/new", bytes("x")), { code: "ELOOP" });
    await assert.rejects(store.create("link/deep/new", bytes("x")), { code: "ELOOP" });
    await assert.rejects(store.delete("link/secret"), { code: "ELOOP" });
    await assert.rejects(store.list({ prefix: "" }), { code: "ELOOP" });
    await assert.rejects(store.list({ prefix: "link/" }), { code: "ELOOP" });
    await assert.rejects(store.list({ prefix: "real/" }), { code: "ELOOP" });
    assert.deepEqual(await readdir(outside), ["secret"]);
  });

  it("a named pipe in place of an object, without waiting for its writer", async (t) => {
    const { root, store } = await open(t);
    const { execFileSync } = await import("node:child_process");
    execFileSync("mkfifo", [join(root, "pipe")]);
    await assert.rejects(store.get("pipe"), { code: "EIO" });
    await assert.rejects(store.list({ prefix: "" }), { code: "EIO" });
  });

  it("a name that is not UTF-8 in a list", async (t) => {
    const { root, store } = await open(t);
    await writeFile(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x61, 0xff])]), "x");
    await assert.rejects(store.list({ prefix: "" }), { code: "EIO", message: /not UTF-8/ });
    assert.deepEqual((await store.list({ prefix: "b" })).objects, []);
  });
});

async function open(t: TestContext): Promise<{ root: string; store: FileObjectStore }> {
  const root = await temporaryDirectory(t);
  const store = await FileObjectStore.open({ root, clock });
  t.after(() => store.close());
  return { root, store };
}

async function temporaryDirectory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "file-store-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
