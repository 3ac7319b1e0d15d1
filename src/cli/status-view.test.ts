import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { VolumeStatus } from "./actions.ts";
import { statusJson, statusText } from "./status-view.ts";

const volume: VolumeStatus = {
  volume: "file:///srv/v",
  uuid: "0f".repeat(16),
  mountPoint: "/mnt",
  state: "serving",
  readOnly: false,
  mountedAtMs: new Date(2026, 2, 1, 4, 3, 2).getTime(),
  uptimeMs: 7_500_000,
  supervisorPid: 10,
  volumePid: 11,
  durability: "disk",
  restartCount: 2,
  journal: { usedSize: 12 * 1024 ** 2, limitSize: 256 * 1024 ** 2 },
  unpacked: { size: 3 * 1024 ** 2, operationCount: 1200, ageMs: 800 },
  packs: { count: 14, size: 200, plainSize: 500, liveSize: 465 },
  usage: { inodeCount: 1_234_567, size: 1024 },
  cache: { usedSize: 0, limitSize: 1024 ** 3 },
  memory: { residentSize: 180 * 1024 ** 2 },
  stateDirectory: "/var/lib/shoal/x",
  logPath: "/var/lib/shoal/x/log/mount.log",
};

describe("the status of a volume", () => {
  it("tells a person everything at a glance", () => {
    assert.equal(
      statusText([volume], false),
      `file:///srv/v
  mounted on    /mnt since 2026-03-01 04:03:02 (2 h 5 min)
  uuid          ${volume.uuid}
  state         serving
  processes     supervisor 10, volume process 11
  durability    disk: fsync returns when the journal is flushed
  journal       12 MiB of 256 MiB
  not in packs  3.0 MiB, 1,200 operations, oldest 0.8 s ago
  packs         14, 200 B, 93 % of it live
  files         1,234,567 inodes, 1.0 KiB
  cache         0 B of 1.0 GiB
  memory        180 MiB resident
  restarts      2 after a crash
  state in      /var/lib/shoal/x
  log           /var/lib/shoal/x/log/mount.log
`,
    );
  });

  it("says what failed and why, and nothing of what is not there", () => {
    const { volumePid: _, ...rest } = volume;
    const failed: VolumeStatus = {
      ...rest,
      state: "failed",
      stateReason: "5 deaths in sequence",
      readOnly: true,
      cache: { usedSize: 0, limitSize: 0 },
      packs: { count: 0, size: 0, plainSize: 0, liveSize: 0 },
      unpacked: { size: 0, operationCount: 0, ageMs: 0 },
    };
    const text = statusText([failed], false);
    assert.match(text, /state +failed, read-only: 5 deaths in sequence\n/u);
    assert.match(text, /processes +supervisor 10\n/u);
    assert.match(text, /packs +none\n/u);
    assert.match(text, /cache +none\n/u);
    assert.match(text, /not in packs +nothing\n/u);
  });

  it("counts one of a thing as one", () => {
    const text = statusText(
      [
        {
          ...volume,
          usage: { inodeCount: 1, size: 0 },
          unpacked: { size: 9, operationCount: 1, ageMs: 0 },
        },
      ],
      false,
    );
    assert.match(text, /files +1 inode, 0 B\n/u);
    assert.match(text, /not in packs +9 B, 1 operation, oldest/u);
  });

  it("uses colour only when it may", () => {
    assert.ok(!statusText([volume], false).includes("\u001B"));
    assert.ok(statusText([volume], true).includes("\u001B[32mserving\u001B[39m"));
  });

  it("has the same names for programs as in the type, under a schema number", () => {
    assert.deepEqual(JSON.parse(statusJson([volume])), { schema: 1, volumes: [volume] });
    assert.deepEqual(JSON.parse(statusJson([])), { schema: 1, volumes: [] });
    assert.equal(statusText([], false), "no volume is mounted\n");
  });
});
