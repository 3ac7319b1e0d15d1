/** Several processes on one directory store: races, kills at any point, a lock whose holder died, a full disk. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, it, type TestContext } from "node:test";
import {
  HEAD_SIZE,
  INCREMENT_COUNT,
  poured,
  POURED_SIZE,
  RACE_KEY_COUNT,
} from "../../test/support/object-store-child.ts";
import { SystemClock } from "../core/clock.ts";
import { FileObjectStore } from "./file-object-store.ts";

const CHILD = fileURLToPath(new URL("../../test/support/object-store-child.ts", import.meta.url));
const PROCESS_COUNT = 4;
const KILL_COUNT = 5;
const clock = new SystemClock();

describe("FileObjectStore between processes", () => {
  it("lets one process win each created key (rule S3)", async (t) => {
    const { root, store } = await open(t);
    const children = startAll("create", root);
    const answers = children.map((child) => text(child.stdout!));
    await clock.sleep(300);
    await writeFile(join(root, "go"), "");
    await allExit(children);
    const won = (await Promise.all(answers)).map(Number);
    assert.equal(
      won.reduce((a, b) => a + b),
      RACE_KEY_COUNT,
    );
    for (let i = 0; i < RACE_KEY_COUNT; i++) {
      const found = await store.get(`race/${i}`);
      assert.match(new TextDecoder().decode(found?.body), /^child-\d$/);
    }
  });

  it("loses no increment of a counter that all processes swap", async (t) => {
    const { root, store } = await open(t);
    await store.create("counter", new TextEncoder().encode("0"));
    await allExit(startAll("count", root));
    const found = await store.get("counter");
    assert.equal(new TextDecoder().decode(found?.body), `${PROCESS_COUNT * INCREMENT_COUNT}`);
  });

  it("never breaks a create by another process's pruning of the same directories", async (t) => {
    const { root, store } = await open(t);
    await allExit(startAll("churn", root));
    assert.deepEqual((await store.list({ prefix: "" })).objects, []);
  });

  it("shows only whole objects, old or new heads, and no lock, after kills at any point", async (t) => {
    const { root, store } = await open(t);
    await store.create("head", poured(0, HEAD_SIZE));
    let objectCount = 0;
    for (let i = 0; i < KILL_COUNT; i++) {
      const child = start("pour", root, `p${i}`);
      await once(child.stdout!, "data");
      await clock.sleep(40 + 23 * i);
      await kill(child);
      for (const { key, size } of (await store.list({ prefix: "packs/" })).objects) {
        assert.equal(size, POURED_SIZE);
        const value = Number(key.split("/")[2]!.split("-")[0]);
        const { body } = (await store.get(key))!;
        assert.equal(Buffer.compare(body, poured(value, POURED_SIZE)), 0);
        objectCount++;
      }
      const head = (await store.get("head"))!;
      assert.deepEqual(head.body, poured(head.body[0]!, HEAD_SIZE));
      assert.equal((await store.swap("head", head.tag, poured(i, HEAD_SIZE))).swapped, true);
    }
    assert.notEqual(objectCount, 0, "no child got as far as an object");
  });

  it("takes the lock of a process that was killed while it held it, and waits for one that lives", async (t) => {
    const { root, store } = await open(t);
    const created = await store.create("head", poured(1, 10));
    assert.equal(created.created, true);
    const child = start("hold", root, "holder");
    await once(child.stdout!, "data");
    const waiting = store.swap("head", created.tag, poured(2, 10));
    const aborted = AbortSignal.timeout(100);
    await assert.rejects(store.list({ prefix: "", signal: aborted }), { name: "TimeoutError" });
    const deleting = store.delete("head", { signal: AbortSignal.timeout(50) });
    await assert.rejects(deleting, { name: "TimeoutError" });
    assert.deepEqual((await store.get("head"))?.body, poured(1, 10));
    await kill(child);
    assert.equal((await waiting).swapped, true);
  });

  it("flushes file, directory and new parents around link and rename, in the order of rule S3", async (t) => {
    const { root } = await open(t);
    const trace = join(tmpdir(), `file-store-trace-${process.pid}`);
    t.after(() => rm(trace, { force: true }));
    const calls = "trace=fsync,fdatasync,link,rename,unlink,rmdir";
    const args = ["-f", "-y", "-e", calls, "-o", trace, process.execPath, CHILD, "once", root, "x"];
    const { status, error } = spawnSync("strace", args, { stdio: "ignore" });
    if (error !== undefined || status !== 0) {
      t.skip("strace is missing or may not trace here");
      return;
    }
    const steps = stepsOf(await readFile(trace, "utf8"), root);
    const create = ["fsync T", "link T a/b/k", "fsync a/b", "fsync a", "fsync /", "unlink T"];
    const swap = ["fsync T", "rename T a/b/k", "fsync a/b", "unlink T"];
    const deletion = ["unlink a/b/k", "fsync a/b", "rmdir a/b", "rmdir a"];
    const lock = ["link T .lock", "unlink T"];
    const all = [...create, ...swap, ...deletion];
    assert.deepEqual(withoutLock(steps, lock), all);
  });

  it("says what is full or read-only, keeps what it has, and goes on when there is room", async (t) => {
    const mount = await smallDisk(t);
    if (mount === undefined) {
      t.skip("mounting a small tmpfs needs root");
      return;
    }
    await using store = await FileObjectStore.open({ root: mount, clock });
    const created = await store.create("head", poured(1, 1000));
    assert.equal(created.created, true);
    const full = { code: "ENOSPC", retryable: true, message: /create big in .*disk is full/ };
    await assert.rejects(store.create("big", poured(2, 4_000_000)), full);
    assert.equal(await store.head("big"), undefined);
    await assert.rejects(store.swap("head", created.tag, poured(2, 4_000_000)), { code: "ENOSPC" });
    assert.equal((await store.create("small", poured(3, 100_000))).created, true);

    execFileSync("mount", ["-o", "remount,ro", mount]);
    const readOnly = { code: "EROFS", retryable: false, message: /mount it writable/ };
    await assert.rejects(store.create("k", poured(4, 10)), readOnly);
    await assert.rejects(store.swap("head", created.tag, poured(4, 10)), readOnly);
    await assert.rejects(store.delete("head"), { code: "EROFS" });
    await using reader = await FileObjectStore.open({ root: mount, clock });
    assert.deepEqual((await reader.get("head"))?.body, poured(1, 1000));
    const { objects } = await reader.list({ prefix: "" });
    assert.deepEqual(
      objects.map((o) => o.key),
      ["head", "small"],
    );
  });
});

/** "fsync a/b": the calls in order with paths relative to the root, T for any temporary file. */
function stepsOf(trace: string, root: string): readonly string[] {
  const steps: string[] = [];
  for (const [, call, rest] of trace.matchAll(/^\d+ +([a-z]+)\((.*)$/gm)) {
    const paths = [...rest!.matchAll(/[<"](\/[^>"]*)[>"]/g)].map((match) => match[1]!);
    if (!paths.every((path) => path === root || path.startsWith(`${root}/`))) continue;
    const names = paths.map((path) => path.slice(root.length + 1).replace(/^\.tmp\/.*/, "T"));
    steps.push(`${call} ${names.map((name) => name || "/").join(" ")}`);
  }
  return steps;
}

/** Leaves out how the lock's own file is made: SQLite flushes it, it gets its name, and what remains is removed. */
function withoutLock(steps: readonly string[], lock: readonly string[]): readonly string[] {
  const at = steps.indexOf(lock[0]!);
  assert.notEqual(at, -1);
  const rename = steps.findIndex((step) => step.startsWith("rename"));
  const begin = steps.indexOf("fsync T", steps.indexOf("unlink T")) + 1;
  assert.deepEqual(steps.slice(at, at + lock.length), lock);
  return [...steps.slice(0, begin), ...steps.slice(rename)];
}

async function open(t: TestContext): Promise<{ root: string; store: FileObjectStore }> {
  const root = await mkdtemp(join(tmpdir(), "file-store-"));
  const store = await FileObjectStore.open({ root, clock });
  t.after(async () => {
    await store.close();
    await rm(root, { recursive: true });
  });
  return { root, store };
}

function start(role: string, root: string, name: string): ChildProcess {
  const args = ["--disable-warning=ExperimentalWarning", CHILD, role, root, name];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

function startAll(role: string, root: string): readonly ChildProcess[] {
  return Array.from({ length: PROCESS_COUNT }, (_, i) => start(role, root, `child-${i}`));
}

async function allExit(children: readonly ChildProcess[]): Promise<void> {
  const exits = await Promise.all(children.map((child) => once(child, "exit")));
  for (const [code] of exits) assert.equal(code, 0);
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/** A tmpfs of 1 MiB; undefined where we may not mount. */
async function smallDisk(t: TestContext): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const path = await mkdtemp(join(tmpdir(), "file-store-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path], { stdio: "pipe" });
  } catch {
    await rmdir(path);
    return undefined;
  }
  t.after(async () => {
    execFileSync("umount", [path]);
    await rmdir(path);
  });
  return path;
}
