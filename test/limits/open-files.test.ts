/**
 * Very many open files without a name, through kills and reclaimed memory: all are readable until they are closed, and what
 * they took is given back exactly (rule J8). And very many threads of one client at once.
 *
 * SHOAL_LIMIT_OPEN chooses how many files (2,000; the long run has 20,000), SHOAL_LIMIT_THREADS how many threads (200; 1,000).
 */
import assert from "node:assert/strict";
import {
  closeSync,
  fstatSync,
  openSync,
  readSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "node:test";
import {
  demandSuccess,
  MountFixture,
  runCommand,
  skipWithoutMount,
  until,
} from "../support/mount-fixture.ts";

const OPEN_COUNT = Number(process.env["SHOAL_LIMIT_OPEN"] ?? 2000);
const THREAD_COUNT = Number(process.env["SHOAL_LIMIT_THREADS"] ?? 200);
const KILL_COUNT = 3;
const PER_THREAD_COUNT = 20;
const CLIENT = join(import.meta.dirname, "..", "support", "many-threads-child.ts");

/** What the volume holds, by its own word, once everything is stored. */
async function usage(fixture: MountFixture): Promise<{ inodes: number; bytes: number }> {
  const state = (await fixture.call("state")) as { inodes: number; bytes: number };
  return { inodes: state.inodes, bytes: state.bytes };
}

function contentOf(index: number): Buffer {
  return Buffer.from(`the content of ${index}\n`.repeat(1 + (index % 7)));
}

describe("very many at once", skipWithoutMount(), () => {
  it(`${OPEN_COUNT} open files without a name`, async () => {
    await using fixture = await MountFixture.mounted({ name: "open-files" });
    const before = await usage(fixture);
    const fds: number[] = [];
    for (let index = 0; index < OPEN_COUNT; index++) {
      const path = join(fixture.mountPoint, `file-${index}`);
      const fd = openSync(path, "w+");
      writeSync(fd, contentOf(index));
      unlinkSync(path);
      fds.push(fd);
    }
    for (let count = 0; count < KILL_COUNT; count++) {
      const pid = await fixture.kill();
      // The kernel forgets what it can: names, inodes and pages that nobody holds.
      writeFileSync("/proc/sys/vm/drop_caches", "3");
      await fixture.serving(pid);
      for (const [index, fd] of fds.entries()) demandContent(fd, index);
    }
    for (const fd of fds) closeSync(fd);
    await until("the end of all that was unlinked", async () => {
      // What nobody asks for is looked at now and then, when the volume is used.
      statfsSync(fixture.mountPoint);
      writeFileSync(join(fixture.mountPoint, "again"), "");
      unlinkSync(join(fixture.mountPoint, "again"));
      await sleep(200);
      const { inodes, bytes } = await usage(fixture);
      return inodes === before.inodes && bytes === before.bytes ? true : undefined;
    });
    await fixture.umount();
    await fixture.demandClean();
  });

  it(`${THREAD_COUNT} threads of one client`, async () => {
    await using fixture = await MountFixture.mounted({ name: "threads" });
    const env = { ...process.env, UV_THREADPOOL_SIZE: String(THREAD_COUNT) };
    const args = [fixture.mountPoint, String(THREAD_COUNT), String(PER_THREAD_COUNT)];
    const running = runCommand([process.execPath, CLIENT, ...args], { env });
    await fixture.kill();
    demandSuccess(await running);
    await fixture.umount();
    await fixture.demandClean();
  });
});

function demandContent(fd: number, index: number): void {
  const wanted = contentOf(index);
  const found = Buffer.alloc(wanted.length + 1);
  const count = readSync(fd, found, 0, found.length, 0);
  assert.deepEqual(found.subarray(0, count), wanted, `file ${index}`);
  const { nlink, size } = fstatSync(fd);
  assert.deepEqual([nlink, size], [0, wanted.length], `file ${index}`);
}
