import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SystemClock } from "../core/clock.ts";
import { parseMountTable } from "../sys/mount-table.ts";
import { describeHolders, findHolders } from "./mount-holders.ts";
import { isWithin, mountOf } from "../sys/mount-paths.ts";
import {
  answerOf,
  clearDeadMount,
  findMount,
  listMounts,
  resolveMountPoint,
} from "./mount-registry.ts";
import { StateDirectory } from "../volume/state-directory.ts";
import { StateLock } from "../volume/state-lock.ts";

const clock = new SystemClock();
let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-registry-"));
});
after(() => rmSync(folder, { recursive: true }));

describe("paths and mounts", () => {
  it("compares whole names", () => {
    assert.equal(isWithin("/a/b", "/a"), true);
    assert.equal(isWithin("/a", "/a"), true);
    assert.equal(isWithin("/ab", "/a"), false);
    assert.equal(isWithin("/x", "/"), true);
  });

  it("finds the innermost and topmost mount", () => {
    const table = parseMountTable(
      [
        "1 0 8:1 / / rw - ext4 /dev/a rw",
        "2 1 0:5 / /mnt rw - tmpfs tmpfs rw",
        "3 1 0:6 / /mnt rw - fuse.shoal file:///x rw",
        "4 1 0:7 / /mnt/deep rw - ext4 /dev/b rw",
      ].join("\n"),
    );
    assert.equal(mountOf("/mnt/file", table)?.id, 3);
    assert.equal(mountOf("/mnt/deep/file", table)?.id, 4);
    assert.equal(mountOf("/mntx", table)?.id, 1);
  });
});

describe("the registry", () => {
  it("lists a state directory in use though nothing is mounted, and not one at rest", async () => {
    const root = join(folder, "root");
    const directory = StateDirectory.open({ path: join(root, "v1"), volume: "v1", level: "disk" });
    StateDirectory.open({ path: join(root, "v2"), volume: "v2", level: "disk" });
    mkdirSync(join(root, "no-state"));
    const lock = await StateLock.acquire(directory.lock, clock);
    lock.describe({ volume: "v1", mountPoint: "/nowhere/v1", since: "now" });
    const query = { roots: [root, join(folder, "absent")] };
    const ours = listMounts(query).filter((mount) => mount.stateDirectory !== undefined);
    assert.deepEqual(
      ours.map(({ mountPoint, isServed, entry }) => ({ mountPoint, isServed, entry })),
      [{ mountPoint: "/nowhere/v1", isServed: true, entry: undefined }],
    );
    const found = findMount(query, { volume: "v1" })!;
    assert.equal(found.holder?.supervisor.pid, process.pid);
    assert.equal(await clearDeadMount(found, clock), false, "somebody serves it");
    lock[Symbol.dispose]();
    assert.equal(findMount(query, { volume: "v1" }), undefined);
  });

  describe("with several volumes that were mounted in one place, one after the other", () => {
    const point = "/nowhere/shared";
    const entryOf = (source: string) =>
      parseMountTable(`1 0 0:9 / ${point} rw - fuse.shoal ${source} rw`);

    /** A volume was mounted on `point`, and its record is left. */
    async function leaveRecord(root: string, name: string, since: string): Promise<StateDirectory> {
      const directory = StateDirectory.open({
        path: join(root, name),
        volume: name,
        level: "disk",
      });
      using lock = await StateLock.acquire(directory.lock, clock);
      lock.describe({ volume: name, mountPoint: point, source: `file:///${name}`, since });
      return directory;
    }

    it("gives the mount to the one that is served, whatever older records say", async () => {
      const root = join(folder, "reused");
      for (const name of ["a", "c"]) await leaveRecord(root, name, "2026-01-01");
      const served = await leaveRecord(root, "b", "2026-01-02");
      using lock = await StateLock.acquire(served.lock, clock);
      void lock;
      const [mount, ...others] = listMounts({ roots: [root] }, entryOf("file:///b"));
      assert.equal(mount?.holder?.volume, "b");
      assert.equal(mount.entry?.directory, point);
      assert.deepEqual(others, []);
    });

    it("gives a dead mount to the volume that its source names", async () => {
      const root = join(folder, "reused-dead");
      for (const name of ["a", "b", "c"]) await leaveRecord(root, name, "2026-01-01");
      const [mount, ...others] = listMounts({ roots: [root] }, entryOf("file:///b"));
      assert.equal(mount?.holder?.volume, "b");
      assert.deepEqual(others, []);
    });

    it("does not take the mount of somebody else for that of a volume detached from there", async () => {
      const root = join(folder, "reused-lazily");
      const detached = await leaveRecord(root, "a", "2026-01-01");
      using lock = await StateLock.acquire(detached.lock, clock);
      void lock;
      const mounts = listMounts({ roots: [root] }, entryOf("file:///x"));
      assert.deepEqual(
        mounts.map(({ holder, entry }) => [holder?.volume, entry?.source]),
        [
          ["a", undefined],
          [undefined, "file:///x"],
        ],
      );
    });
  });

  it("resolves a mount point's links and refuses one that is not there", () => {
    mkdirSync(join(folder, "point"));
    symlinkSync(join(folder, "point"), join(folder, "alias"));
    assert.equal(resolveMountPoint(join(folder, "alias")), join(folder, "point"));
    assert.equal(resolveMountPoint(`${join(folder, "point")}/`), join(folder, "point"));
    assert.equal(resolveMountPoint("/proc/"), "/proc");
    assert.throws(() => resolveMountPoint(join(folder, "absent")), { code: "ENOENT" });
  });

  it("says what a statfs answers", async () => {
    assert.equal(await answerOf(folder, clock), "ok");
    assert.equal(await answerOf(join(folder, "absent"), clock), "ENOENT");
  });
});

describe("holders", () => {
  it("names who works in a directory, has a file open there, or runs from it", async () => {
    const point = join(folder, "busy");
    mkdirSync(join(point, "sub"), { recursive: true });
    writeFileSync(join(point, "file"), "");
    const child = spawn("sleep", ["infinity"], { cwd: join(point, "sub") });
    await once(child, "spawn");
    const fd = openSync(join(point, "file"), "r");
    const holders = findHolders(point);
    const theirs = holders.find((holder) => holder.pid === child.pid);
    assert.deepEqual(theirs, { pid: child.pid, command: "sleep", reasons: ["cwd"] });
    const ours = holders.find((holder) => holder.pid === process.pid);
    assert.deepEqual(ours?.reasons, [`fd ${fd} ${join(point, "file")}`]);
    assert.equal(describeHolders(point).length, 2);
    closeSync(fd);
    child.kill();
    await once(child, "exit");
    assert.deepEqual(findHolders(point), []);
  });
});
