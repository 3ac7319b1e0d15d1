import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SystemClock } from "../core/clock.ts";
import { identifyProcess, isAlive } from "../sys/process-identity.ts";
import { isLocked, isOwnPast, readHolder, StateLock } from "./state-lock.ts";

const clock = new SystemClock();
const HOLDER = { volume: "v1", mountPoint: "/mnt/v", since: "2026-01-01T00:00:00.000Z" };
let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-lock-"));
});
after(() => rmSync(folder, { recursive: true }));

describe("StateLock", () => {
  it("refuses a second holder and names the first and its mount point", async () => {
    const path = join(folder, "a");
    using lock = await StateLock.acquire(path, clock);
    lock.describe(HOLDER);
    assert.equal(isLocked(path), true);
    await assert.rejects(StateLock.acquire(path, clock), {
      code: "EBUSY",
      message: new RegExp(`volume v1 is mounted on /mnt/v by process ${process.pid} since 2026`),
    });
    assert.equal(readHolder(path)?.supervisor.pid, process.pid);
  });

  it("names a program that opened the volume without a mount", async () => {
    const path = join(folder, "h");
    using lock = await StateLock.acquire(path, clock);
    lock.describe({ volume: "v2", since: HOLDER.since });
    await assert.rejects(StateLock.acquire(path, clock), {
      code: "EBUSY",
      message: new RegExp(`volume v2 is open in process ${process.pid} since 2026`),
    });
  });

  it("is free after its holder, and leaves the file where it is", async () => {
    const path = join(folder, "b");
    (await StateLock.acquire(path, clock))[Symbol.dispose]();
    assert.equal(isLocked(path), false);
    assert.equal(readFileSync(path, "utf8"), "");
    (await StateLock.acquire(path, clock))[Symbol.dispose]();
    assert.equal(isLocked(join(folder, "nowhere")), false);
  });

  it("stays taken while a process that inherited its descriptor lives", async () => {
    const path = join(folder, "c");
    const lock = await StateLock.acquire(path, clock);
    const child = spawn("sleep", ["60"], { stdio: ["ignore", "ignore", "ignore", lock.fd] });
    lock.describe(HOLDER, child.pid);
    lock[Symbol.dispose]();
    assert.equal(isLocked(path), true);
    await assert.rejects(StateLock.acquire(path, clock), { code: "EBUSY" });
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.equal(isLocked(path), false);
  });

  it("waits for somebody who only looks", async () => {
    const path = join(folder, "d");
    const looker = await StateLock.acquire(path, clock);
    const acquired = StateLock.acquire(path, clock);
    await clock.sleep(30);
    looker[Symbol.dispose]();
    (await acquired)[Symbol.dispose]();
  });

  it("writes a shorter description over a longer one", async () => {
    const path = join(folder, "e");
    using lock = await StateLock.acquire(path, clock);
    lock.describe({ ...HOLDER, mountPoint: "/a/very/long/mount/point" }, process.pid);
    lock.describe({ ...HOLDER, mountPoint: "/m" });
    assert.equal(readHolder(path)?.mountPoint, "/m");
    assert.equal(readHolder(path)?.volumeProcess, undefined);
  });

  it("reads nothing out of a file that says nothing sensible", () => {
    const path = join(folder, "f");
    for (const text of [
      "",
      "{",
      "[]",
      "null",
      '{"volume":1}',
      '{"volume":"v","mountPoint":"/m"}',
    ]) {
      writeFileSync(path, text);
      assert.equal(readHolder(path), undefined);
    }
  });

  it("takes a holder for its own past only when all it names are dead (rule C7)", async () => {
    const path = join(folder, "g");
    using lock = await StateLock.acquire(path, clock);
    const child = spawn("true");
    const dead = { pid: child.pid!, startTicks: 1 };
    await once(child, "exit");
    lock.describe(HOLDER);
    const holder = lock.holder!;
    assert.equal(isOwnPast(holder), false);
    assert.equal(isOwnPast({ ...holder, supervisor: dead }), true);
    const alive = holder.supervisor;
    assert.equal(isOwnPast({ ...holder, supervisor: dead, volumeProcess: alive }), false);
    assert.equal(isOwnPast({ ...holder, supervisor: dead, bootId: "another" }), false);
    assert.equal(isOwnPast({ ...holder, supervisor: dead, machineId: "another" }), false);
  });
});

describe("process identity", () => {
  it("knows a process from another one with its number", () => {
    const self = identifyProcess(process.pid)!;
    assert.equal(isAlive(self), true);
    assert.equal(isAlive({ ...self, startTicks: self.startTicks + 1 }), false);
    assert.equal(identifyProcess(2 ** 22 + 1), undefined);
  });
});
