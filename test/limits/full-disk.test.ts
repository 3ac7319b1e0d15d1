/**
 * A disk that a stranger fills at any moment and empties again, under a volume and its state directory: clients get ENOSPC
 * or wait, nothing that was acknowledged is lost, a volume process that is killed then starts again, and all goes on.
 *
 * SHOAL_FULL_ROUNDS chooses how often it fills (3; the long run has 60), SEED the seed (1).
 */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it, type TestContext } from "node:test";
import { Prng } from "../../src/core/prng.ts";
import type { FullDiskCounts } from "../support/full-disk-child.ts";
import { demandSameAfterRemount } from "../support/kill-remount.ts";
import { LoopFilesystem, reasonNotToLoop } from "../support/loop-filesystem.ts";
import { MountFixture, until } from "../support/mount-fixture.ts";

const ROUND_COUNT = Number(process.env["SHOAL_FULL_ROUNDS"] ?? 3);
const SEED = Number(process.env["SEED"] ?? 1);
const DISK_SIZE: number = 1024 * 1024 * 1024;
const CLIENT = join(import.meta.dirname, "..", "support", "full-disk-child.ts");
const skip = reasonNotToLoop();

describe("a disk that fills up", skip === undefined ? {} : { skip }, () => {
  it("refuses what needs room, loses nothing, and serves on when there is room", async (context) => {
    using disk = new LoopFilesystem("full-disk", DISK_SIZE);
    await using fixture = await MountFixture.mounted({ name: "full", parent: disk.directory });
    await runClient(fixture, disk, context);
    await demandSameAfterRemount(fixture);
    await fixture.umount();
    await fixture.ended();
  });
});

async function runClient(
  fixture: MountFixture,
  disk: LoopFilesystem,
  context: TestContext,
): Promise<void> {
  const prng = new Prng(SEED);
  const child = fork(CLIENT, [join(fixture.mountPoint, "work"), String(SEED)]);
  try {
    let counts: FullDiskCounts = { written: 0, refused: 0, isOver: false };
    child.on("message", (message) => (counts = message as FullDiskCounts));
    const ended = once(child, "exit");
    const demandAlive = (): void =>
      assert.equal(child.exitCode, null, `SEED=${SEED}: the client failed`);
    let killCount = 0;
    for (let round = 0; round < ROUND_COUNT; round++) {
      await sleep(100 + prng.below(1500));
      disk.fill();
      await sleep(prng.below(1500));
      if (round % 2 === 1) {
        await fixture.kill();
        killCount++;
      }
      await sleep(prng.below(1000));
      demandAlive();
      disk.empty();
      const { written } = counts;
      await until("another file once there is room", () => {
        demandAlive();
        return counts.written > written ? true : undefined;
      });
    }
    child.send({ type: "stop" });
    await ended;
    assert.equal(child.exitCode, 0, `SEED=${SEED}: the client failed`);
    assert.ok(counts.isOver && counts.refused > 0, "it met a full disk");
    context.diagnostic(
      `proof: full ${ROUND_COUNT} times, ${killCount} kills, ${counts.written} files, ${counts.refused} refusals`,
    );
  } finally {
    child.kill("SIGKILL");
  }
}
