import assert from "node:assert/strict";
import {
  accessSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { geteuid } from "node:process";
import { afterEach, beforeEach, describe, it } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { getXattr, listXattrs } from "../sys/xattr.ts";
import type { Session } from "./init.ts";
import type { LoopStatistics } from "./loop.ts";
import { findMount, isDeadMount } from "../sys/mount-table.ts";
import { mountAsRoot, mountAsUser, type MountOptions } from "./mount.ts";
import { NOTIFIER_WORKER_URL, type NotifierAnswer, type NotifierMessage } from "./notifier.ts";
import type { HelloWorkerData } from "../../test/support/hello-worker.ts";
import { setReadAhead, unmount } from "./unmount.ts";

const WORKER = new URL("../../test/support/hello-worker.ts", import.meta.url);

function reasonToSkip(): string | false {
  if (geteuid?.() !== 0) return "mounting wants root";
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return false;
  } catch {
    return "there is no /dev/fuse";
  }
}

const skip = reasonToSkip();
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "shoal-mount-"));
});

afterEach(async () => {
  if (findMount(directory) !== undefined) await unmount(directory, { lazy: true, force: true });
  rmSync(directory, { recursive: true });
});

describe("a mounted filesystem", { skip }, () => {
  it("is stat'ed, listed, read, written and unmounted, mounted as root", async () => {
    const server = await serve(await mountAsRoot(options()));
    assert.equal(server.session.minor >= 31, true);
    const entry = findMount(directory);
    assert.equal(entry?.type, "fuse.shoal");
    assert.equal(entry?.source, "file:///a b");
    assert.match(entry?.superOptions ?? "", /default_permissions,allow_other/);
    exercise();
    await unmount(directory);
    const { end, statistics } = await server.ended;
    assert.equal(end, "unmounted");
    assert.ok(statistics.requests > 10);
    assert.equal(findMount(directory), undefined);
  });

  it("works the same through fusermount3 and its descriptor passing", async () => {
    const server = await serve(await mountAsUser({ ...options(), source: "a,b" }));
    assert.equal(findMount(directory)?.source, "a,b");
    assert.equal(findMount(directory)?.type, "fuse.shoal");
    exercise();
    await unmount(directory);
    assert.equal((await server.ended).end, "unmounted");
  });

  it("reads ahead as far as root says", async () => {
    const server = await serve(await mountAsRoot(options()));
    const { major, minor } = findMount(directory)!;
    await setReadAhead(directory, 2048);
    const setting = readFileSync(`/sys/class/bdi/${major}:${minor}/read_ahead_kb`, "utf8");
    assert.equal(setting.trim(), "2048");
    await unmount(directory);
    await server.ended;
  });

  it("is busy while a file is open, and goes lazily", async () => {
    const server = await serve(await mountAsRoot(options()));
    const held = await holdOpen(join(directory, "hello"));
    await assert.rejects(unmount(directory), { code: "EBUSY" });
    await unmount(directory, { lazy: true });
    assert.equal(findMount(directory), undefined);
    held.postMessage("close", []);
    assert.equal((await server.ended).end, "unmounted");
  });

  it("is dead after force while it is busy, and is taken away lazily", async () => {
    const server = await serve(await mountAsRoot(options()));
    const held = await holdOpen(join(directory, "hello"));
    await assert.rejects(unmount(directory, { force: true }), { code: "EBUSY" });
    assert.equal((await server.ended).end, "unmounted");
    assert.equal(await isDeadMount(directory), true);
    await assert.rejects(mountAsRoot(options()), { code: "ENOTCONN" });
    await unmount(directory, { lazy: true });
    assert.equal(await isDeadMount(directory), false);
    held.postMessage("close", []);
  });

  it("tells a notifier thread which inodes it has (J8)", async () => {
    const fd = await mountAsRoot(options());
    const server = await serve(fd);
    // Open: otherwise the kernel may forget it at any time, when memory is short.
    const held = openSync(join(directory, "hello"), "r");
    const { port1, port2 } = new MessageChannel();
    const workerData = { fd, port: port2 };
    const notifier = new Worker(NOTIFIER_WORKER_URL, { workerData, transferList: [port2] });
    const ask = (message: NotifierMessage): Promise<NotifierAnswer> =>
      new Promise((resolve) => {
        port1.once("message", resolve);
        port1.postMessage(message, []);
      });
    const probe = await ask({ id: 1, kind: "probe", inos: Float64Array.of(100, 555) });
    assert.deepEqual(probe, { id: 1, result: 0, absent: Float64Array.of(555) });
    const gone = await ask({ id: 2, kind: "invalEntry", parent: 1, name: "hello" });
    assert.deepEqual(gone, { id: 2, result: 0 });
    closeSync(held);
    port1.close();
    await new Promise((resolve) => notifier.once("exit", resolve));
    await unmount(directory);
    await server.ended;
  });
});

describe("a mount that cannot be", () => {
  it("says that the mount point is missing, or no directory", { skip }, async () => {
    const missing = join(directory, "absent");
    await assert.rejects(mountAsRoot({ ...options(), directory: missing }), {
      code: "ENOENT",
      message: `the mount point ${missing} does not exist; create it first`,
    });
    const file = join(directory, "file");
    writeFileSync(file, "");
    await assert.rejects(mountAsRoot({ ...options(), directory: file }), { code: "ENOTDIR" });
  });

  it("hands on what mount says of a bad option, and leaves nothing behind", { skip }, async () => {
    await assert.rejects(mountAsRoot({ ...options(), extra: ["no_such_option=1"] }), {
      code: "EIO",
      message: /mount did not mount .*shoal-mount-/,
    });
    assert.equal(findMount(directory), undefined);
  });

  it("says so when there is nothing to unmount", async () => {
    await assert.rejects(unmount(directory), { code: "EINVAL" });
  });
});

function options(): MountOptions {
  return { directory, source: "file:///a b" };
}

function exercise(): void {
  const file = join(directory, "hello");
  assert.equal(statSync(file).size, 14);
  assert.equal(readFileSync(file, "utf8"), "Hello, Shoal!\n");
  const names = Array.from({ length: 200 }, (_, i) => `made-${i}`);
  for (const name of names) writeFileSync(join(directory, name), name);
  assert.deepEqual(readdirSync(directory).sort(), ["hello", ...names].sort());
  assert.equal(readFileSync(join(directory, "made-7"), "utf8"), "made-7");
  const large = Buffer.alloc(3_000_000, "shoal");
  writeFileSync(join(directory, "large"), large);
  assert.equal(Buffer.compare(readFileSync(join(directory, "large")), large), 0);
  unlinkSync(join(directory, "large"));
  assert.throws(() => statSync(join(directory, "large")), { code: "ENOENT" });
  assert.equal(statfsSync(directory).blocks, 1000);
  assert.deepEqual(listXattrs(file), ["user.greeting"]);
  assert.equal(Buffer.from(getXattr(file, "user.greeting")).toString(), "hi");
  assert.throws(() => getXattr(file, "user.absent"), { code: "ENODATA" });
}

/** A file that another thread has open until it gets a message. */
async function holdOpen(file: string): Promise<Worker> {
  const code = `
    const { closeSync, openSync } = require("node:fs");
    const { parentPort, workerData } = require("node:worker_threads");
    const fd = openSync(workerData, "r");
    parentPort.once("message", () => closeSync(fd));
    parentPort.postMessage("open");`;
  const worker = new Worker(code, { eval: true, workerData: file });
  await new Promise((resolve) => worker.once("message", resolve));
  return worker;
}

interface Server {
  readonly session: Session;
  readonly ended: Promise<{ end: string; statistics: LoopStatistics }>;
}

/** Serves `fd` in a worker until it is unmounted, then closes it. */
async function serve(fd: number): Promise<Server> {
  const workerData: HelloWorkerData = { fd, polling: true, validSec: 1 };
  const worker = new Worker(WORKER, { workerData });
  const { session } = await new Promise<{ session: Session }>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  const ended = new Promise<{ end: string; statistics: LoopStatistics }>((resolve, reject) => {
    worker.once("message", (message: { end: string; statistics: LoopStatistics }) => {
      closeSync(fd);
      resolve(message);
    });
    worker.once("error", reject);
  });
  return { session, ended };
}
