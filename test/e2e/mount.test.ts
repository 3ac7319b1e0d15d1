/** The life of a mount as a user sees it, through the command line and the kernel alone. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import {
  MountFixture,
  runCommand,
  runShoal,
  skipWithoutMount,
  until,
} from "../support/mount-fixture.ts";
import { CAROL } from "../conformance/posix/posix-suite.ts";
import { put } from "../support/posix-actions.ts";
import { O_WRONLY } from "../support/posix-constants.ts";
import { compareManifests, openDirectory, treeManifest } from "../support/tree-manifest.ts";

describe("a mount", skipWithoutMount(), () => {
  let fixture: MountFixture;

  beforeEach(async () => {
    fixture = await MountFixture.mounted({ name: "mount" });
  });
  afterEach(() => fixture?.remove());

  it("keeps what was written for the next one", async () => {
    fillTree(fixture.mountPoint);
    const before = treeManifest(fixture.mountPoint, { identity: true });
    const { stdout } = await fixture.tryUmount();
    assert.match(stdout, /is unmounted/);
    assert.equal(fixture.isMounted, false);
    assert.deepEqual(fixture.processes(), [], "no process is left when umount returns");
    await fixture.demandClean();
    await fixture.mount();
    compareManifests(treeManifest(fixture.mountPoint, { identity: true }), before);
  });

  it("shows as a mount of type fuse.shoal with its volume as the source", () => {
    const line = readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .find((found) => found.includes(fixture.mountPoint));
    assert.match(line ?? "", /^file:\/\/\S+\/volume \S+ fuse\.shoal \S*nosuid/);
  });

  it("is the only one of its volume: a second is refused and told where the first is", async () => {
    const other = join(fixture.base, "other");
    mkdirSync(other);
    const { supervisorPid } = await fixture.pids();
    for (const state of [fixture.stateDirectory, join(fixture.base, "other-state")]) {
      const refused = await runShoal(["mount", "--state-dir", state, fixture.volumeRoot, other]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, new RegExp(`mounted on ${fixture.mountPoint}\\b`));
      assert.match(refused.stderr, new RegExp(`process ${supervisorPid}\\b`));
    }
    const again = await fixture.tryMount();
    assert.equal(again.code, 1);
    assert.match(again.stderr, new RegExp(`mounted on ${fixture.mountPoint}\\b`));
    writeFileSync(join(fixture.mountPoint, "f"), "still serving");
  });

  it("is not unmounted under a program that uses it, which is named", async () => {
    using holder = holdOpen(join(fixture.mountPoint, "held"));
    const busy = await fixture.tryUmount();
    assert.equal(busy.code, 1);
    assert.match(busy.stderr, new RegExp(`process ${holder.pid} \\(.*fd \\d+ .*held`));
    assert.ok(fixture.isMounted);
    holder[Symbol.dispose]();
    await until("the holder's end", () => (existsSync(`/proc/${holder.pid}`) ? undefined : true));
    await fixture.umount();
    assert.deepEqual(fixture.processes(), []);
  });

  it("is detached by --lazy and ends when its last user has gone", async () => {
    using holder = holdOpen(join(fixture.mountPoint, "held"));
    const lazy = await fixture.tryUmount(["--lazy"]);
    assert.equal(lazy.code, 0, lazy.stderr);
    assert.match(lazy.stdout, /is detached/);
    assert.equal(fixture.isMounted, false);
    assert.ok(fixture.processes().length > 0, "its user is served on");
    assert.equal(await holder.write("after"), "ok");
    holder[Symbol.dispose]();
    await fixture.ended();
    await fixture.demandClean();
    await fixture.mount();
    assert.equal(readFileSync(join(fixture.mountPoint, "held"), "utf8"), "after");
  });

  it("is cut off by --force, and what was acknowledged is kept", async () => {
    using holder = holdOpen(join(fixture.mountPoint, "held"));
    assert.equal(await holder.write("before"), "ok");
    await fixture.umount(["--force"]);
    await fixture.ended();
    assert.notEqual(await holder.write("after"), "ok");
    await fixture.demandClean();
    await fixture.mount();
    assert.equal(readFileSync(join(fixture.mountPoint, "held"), "utf8"), "before");
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`drains and unmounts at ${signal}, to either process`, async () => {
      for (const which of ["supervisorPid", "volumePid"] as const) {
        writeFileSync(join(fixture.mountPoint, which), "stored");
        process.kill((await fixture.pids())[which]!, signal);
        await fixture.ended();
        assert.match(fixture.log.split("\n").at(-2) ?? "", /unmounted; everything is stored/);
        await fixture.demandClean();
        await fixture.mount();
        assert.equal(readFileSync(join(fixture.mountPoint, which), "utf8"), "stored");
      }
    });
  }

  it("ends in order when somebody else unmounts it", async () => {
    writeFileSync(join(fixture.mountPoint, "f"), "stored");
    const { code } = await runCommand(["umount", "-i", fixture.mountPoint]);
    assert.equal(code, 0);
    await fixture.ended();
    assert.match(fixture.log, /unmounted; everything is stored/);
    await fixture.demandClean();
    await fixture.mount();
    assert.equal(readFileSync(join(fixture.mountPoint, "f"), "utf8"), "stored");
  });

  it("whose processes were all killed is dead, and the next mount clears it and has everything", async () => {
    fillTree(fixture.mountPoint);
    const before = treeManifest(fixture.mountPoint, { identity: true });
    fixture.killAll();
    // What was under way is aborted, everything later finds nobody.
    assert.throws(() => statfsSync(fixture.mountPoint), /ENOTCONN|ECONNABORTED/);
    await fixture.mount();
    compareManifests(treeManifest(fixture.mountPoint, { identity: true }), before);
    fixture.killAll();
    const status = await runShoal(["status", fixture.mountPoint]);
    assert.match(status.stdout, /state +dead: its processes are gone/u, status.stderr);
    const stats = await runShoal(["stats", fixture.mountPoint]);
    assert.match(stats.stderr, /^shoal: nobody serves the mount on .* any more\n$/u);
    const log = await runShoal(["log", fixture.mountPoint]);
    assert.match(log.stdout, /the volume process serves/u, log.stderr);
    const cleared = await fixture.tryUmount();
    assert.equal(fixture.isMounted, false, "umount clears a dead mount too");
    assert.equal(cleared.code, 1, "which stored nothing");
    assert.match(cleared.stderr, /was not drained: its processes are gone\n.*in its journal/u);
    const last = await runShoal(["log", fixture.volumeRoot]);
    assert.deepEqual(last, log, "of a volume that is not mounted the last mount's");
    await fixture.mount();
    compareManifests(treeManifest(fixture.mountPoint, { identity: true }), before);
    await fixture.umount();
    await fixture.demandClean();
  });

  it("that is read-only reads, and refuses to change anything", async () => {
    writeFileSync(join(fixture.mountPoint, "f"), "read me");
    await fixture.umount();
    await fixture.mount(["--read-only"]);
    assert.equal(readFileSync(join(fixture.mountPoint, "f"), "utf8"), "read me");
    assert.throws(() => writeFileSync(join(fixture.mountPoint, "f"), "x"), { code: "EROFS" });
    assert.throws(() => mkdirSync(join(fixture.mountPoint, "d")), { code: "EROFS" });
    await fixture.umount();
    await fixture.demandClean();
  });

  it("says in --json how it fares", async () => {
    writeFileSync(join(fixture.mountPoint, "f"), Buffer.alloc(100_000, 7));
    await runShoal(["sync", fixture.mountPoint]);
    const killed = await fixture.kill();
    await fixture.serving(killed);
    const { stdout, code } = await runShoal(["status", "--json", fixture.mountPoint]);
    assert.equal(code, 0);
    const { schema, volumes } = JSON.parse(stdout) as {
      schema: number;
      volumes: Record<string, unknown>[];
    };
    assert.equal(schema, 1);
    assert.equal(volumes.length, 1);
    const { supervisorPid, volumePid } = await fixture.pids();
    const row = volumes[0]!;
    assert.partialDeepStrictEqual(row, {
      volume: `file://${fixture.volumeRoot}`,
      uuid: fixture.uuid,
      mountPoint: fixture.mountPoint,
      state: "serving",
      readOnly: false,
      supervisorPid,
      volumePid,
      durability: "disk",
      restartCount: 1,
      usage: { inodeCount: 2, size: 100_000 },
      stateDirectory: fixture.stateDirectory,
      logPath: join(fixture.stateDirectory, "log", "shoal.log"),
    });
    const { packs, journal, memory } = row as Record<string, Record<string, number>>;
    assert.equal(packs?.["count"], 1);
    assert.ok(journal!["usedSize"]! > 0 && journal!["limitSize"]! >= journal!["usedSize"]!);
    assert.ok(memory!["residentSize"]! > 0);
  });

  it("shows every operation to whoever follows", async () => {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, "../../src/cli/main.ts"), "log", "--follow", fixture.mountPoint],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    let count = 0;
    await until("the mkdir in the log", () => {
      const path = join(fixture.mountPoint, `d-${count++}`);
      mkdirSync(path);
      return /mkdir\(.*"d-\d+".*\) = ok \d+ µs\n/.test(text) ? true : undefined;
    });
    assert.match(text, new RegExp(`uid 0 pid ${process.pid} mkdir`));
    child.kill("SIGINT");
    assert.equal(await ended, 0);
  });
});

describe("a mount of what is damaged", skipWithoutMount(), () => {
  /** Incompressible, so that it lies in the pack as it is. */
  const data = Buffer.from(
    Uint8Array.from(
      { length: 1024 * 1024 },
      (_, index) => (Math.imul(index, 0x9e37_79b1) >>> 13) & 0xff,
    ),
  );
  const STEP = 4096;
  let fixture: MountFixture;

  beforeEach(async () => {
    fixture = await MountFixture.mounted({ name: "damaged", create: ["--compression", "none"] });
    writeFileSync(join(fixture.mountPoint, "f"), data);
    await fixture.umount();
  });
  afterEach(() => fixture?.remove());

  it("answers EIO for the range that a flipped bit hit, and for no other", async () => {
    const pack = await packOf(fixture);
    const at = Math.floor(statSync(pack).size / 2);
    flipBit(pack, at);
    await fixture.mount();
    const failed = unreadable(join(fixture.mountPoint, "f"), data);
    assert.ok(failed.length > 0, "the damage is seen");
    assert.ok(failed.length * STEP <= 128 * 1024, `${failed.length} steps cannot be read`);
    assert.equal(failed.at(-1)! - failed[0]!, (failed.length - 1) * STEP, "they are one range");
    writeFileSync(join(fixture.mountPoint, "g"), "the volume works on");
    await fixture.umount();
    await demandProblem(fixture, pack);
    flipBit(pack, at);
    await fixture.demandClean();
  });

  it("answers EIO for what lies in a missing pack", async () => {
    const pack = await packOf(fixture);
    const bytes = readFileSync(pack);
    await runCommand(["rm", pack]);
    await fixture.mount();
    assert.throws(() => readFileSync(join(fixture.mountPoint, "f")), { code: "EIO" });
    assert.equal(statSync(join(fixture.mountPoint, "f")).size, data.length);
    writeFileSync(join(fixture.mountPoint, "g"), "the volume works on");
    await fixture.umount();
    await demandProblem(fixture, pack);
    writeFileSync(pack, bytes);
    await fixture.demandClean();
  });

  it("ends a crash loop with EIO and a reason, and keeps the journal", async () => {
    await fixture.mount();
    writeFileSync(join(fixture.mountPoint, "g"), "acknowledged");
    const { supervisorPid } = await fixture.pids();
    const database = join(fixture.volumeRoot, "meta", "shoal.db");
    // The supervisor is held, so that no successor opens the database before it is damaged.
    process.kill(supervisorPid, "SIGSTOP");
    const volumePids = fixture.processes().filter((pid) => pid !== supervisorPid);
    for (const pid of volumePids) process.kill(pid, "SIGKILL");
    const kept = [database, `${database}-wal`].map((path) => [path, readFileSync(path)] as const);
    for (const [path, bytes] of kept) writeFileSync(path, Buffer.alloc(bytes.length, 0xee));
    process.kill(supervisorPid, "SIGCONT");
    await until("the end of the attempts", async () =>
      (await fixture.pids()).state === "crash-loop" ? true : undefined,
    );
    assert.throws(() => readFileSync(join(fixture.mountPoint, "never-seen")), { code: "EIO" });
    const status = await runShoal(["status", "--json", fixture.mountPoint]);
    const [row] = (JSON.parse(status.stdout) as { volumes: Record<string, string>[] }).volumes;
    assert.equal(row?.["state"], "failed");
    assert.match(row?.["stateReason"] ?? "", /shoal\.db/);
    const unchecked = await runShoal(["fsck", fixture.mountPoint]);
    assert.equal(unchecked.code, 8);
    assert.match(unchecked.stderr, /shoal\.db cannot be used/u);
    const unmounted = await fixture.tryUmount();
    assert.equal(fixture.isMounted, false);
    assert.equal(unmounted.code, 1, "nothing was stored");
    assert.match(unmounted.stderr, /was not drained: .*shoal\.db.*\n.*in its journal/u);
    for (const [path, bytes] of kept) writeFileSync(path, bytes);
    await fixture.mount();
    assert.equal(readFileSync(join(fixture.mountPoint, "g"), "utf8"), "acknowledged");
    await fixture.umount();
    await fixture.demandClean();
  });
});

describe("a mount is refused", skipWithoutMount(), () => {
  let fixture: MountFixture;

  beforeEach(async () => {
    fixture = await MountFixture.create({ name: "refused" });
  });
  afterEach(() => fixture?.remove());

  /** The mount must fail with `code`, saying `pattern`, and leave nothing mounted. */
  async function refuses(
    args: readonly string[],
    pattern: RegExp,
    code: number = 1,
  ): Promise<void> {
    const result = await runShoal(["mount", ...args]);
    assert.match(result.stderr, pattern);
    assert.equal(result.code, code, result.stderr);
    assert.doesNotMatch(result.stderr, /a bug: please report/);
    assert.equal(fixture.isMounted, false);
  }

  it("for arguments that are not known", async () => {
    const { volumeRoot, mountPoint } = fixture;
    await refuses(["--no-such-flag", volumeRoot, mountPoint], /--no-such-flag/, 2);
    await refuses(["-o", "nonsense", volumeRoot, mountPoint], /nonsense/, 2);
    await refuses(["--durability", "hope", volumeRoot, mountPoint], /hope/, 2);
  });

  it("for a volume that is not there, or none", async () => {
    const { base, mountPoint, stateDirectory } = fixture;
    const state = ["--state-dir", stateDirectory];
    await refuses(
      [...state, join(base, "nothing"), mountPoint],
      /nothing does not exist[^]*create/,
    );
    mkdirSync(join(base, "empty"));
    await refuses([...state, join(base, "empty"), mountPoint], /not a Shoal volume[^]*create/);
  });

  it("for a damaged volume.json, and for a newer format", async () => {
    const { volumeRoot, mountPoint, stateDirectory } = fixture;
    const path = join(volumeRoot, "volume.json");
    const text = readFileSync(path, "utf8");
    const args = ["--state-dir", stateDirectory, volumeRoot, mountPoint];
    writeFileSync(path, text.slice(0, -20));
    await refuses(args, /volume\.json is damaged/);
    writeFileSync(path, text.replace(/"uuid": "../, '"uuid": "zz'));
    await refuses(args, /volume\.json is damaged: its uuid/);
    writeFileSync(path, text.replace('"format": 1', '"format": 2'));
    await refuses(args, /format 2[^]*newer shoal/);
    assert.match(readFileSync(path, "utf8"), /"format": 2/, "nothing is repaired");
    writeFileSync(path, text);
    await fixture.mount();
  });

  it("for the state directory of another volume, and for one that holds something else", async () => {
    await using other = await MountFixture.create({ name: "other" });
    await other.mount();
    await other.umount();
    const { volumeRoot, mountPoint, base } = fixture;
    const state = ["--state-dir", other.stateDirectory];
    await refuses([...state, volumeRoot, mountPoint], /belongs to volume/);
    mkdirSync(join(base, "full"));
    writeFileSync(join(base, "full", "letter.txt"), "mine");
    await refuses(["--state-dir", join(base, "full"), volumeRoot, mountPoint], /letter\.txt/);
  });

  it("without the state that holds what is not stored yet", async () => {
    await fixture.mount();
    writeFileSync(join(fixture.mountPoint, "f"), "only in the journal");
    fixture.killAll();
    await runCommand(["umount", "-i", "-l", fixture.mountPoint]);
    const { volumeRoot, mountPoint, base } = fixture;
    await refuses(["--state-dir", join(base, "fresh"), volumeRoot, mountPoint], /--state-dir/);
    await fixture.mount();
    assert.equal(readFileSync(join(mountPoint, "f"), "utf8"), "only in the journal");
  });

  it("on what is no directory, and where it would hide its own volume or state", async () => {
    const { volumeRoot, base, stateDirectory } = fixture;
    const state = ["--state-dir", stateDirectory];
    await refuses([...state, volumeRoot, join(base, "missing")], /missing does not exist/);
    writeFileSync(join(base, "file"), "");
    await refuses([...state, volumeRoot, join(base, "file")], /file is not a directory/);
    await refuses([...state, volumeRoot, volumeRoot], /the volume .*lies under the mount point/);
    mkdirSync(join(volumeRoot, "inside"));
    await refuses([...state, volumeRoot, join(volumeRoot, "inside")], /inside/);
    await refuses([...state, volumeRoot, base], /lies under the mount point/);
    await refuses([...state, volumeRoot, stateDirectory], /state/);
  });
});

describe("set-id bits on a mount", skipWithoutMount(), () => {
  it("are nobody's to take away who may not write: chown of neither id is no way", async () => {
    await using fixture = await MountFixture.mounted({
      name: "set-id",
      mount: ["--allow-other", "-o", "suid"],
    });
    using opened = openDirectory(fixture.mountPoint);
    const { directory } = opened;
    const carol = directory.as({ ...CAROL });
    const modeOf = (path: string): number => directory.stat(path).mode & 0o7777;
    put(directory, "guarded", "program");
    directory.attributes.chmod("guarded", 0o6755);
    carol.attributes.chown("guarded", {});
    assert.equal(modeOf("guarded"), 0o6755);
    put(directory, "open", "program");
    directory.attributes.chmod("open", 0o6777);
    carol.attributes.chown("open", {});
    assert.equal(modeOf("open"), 0o777);
    // Whoever opened it while that was allowed may write on, and the bits go.
    directory.attributes.chmod("open", 0o6777);
    using file = carol.open("open", O_WRONLY);
    directory.attributes.chmod("open", 0o6755);
    file.write(0, Buffer.from("x"));
    assert.equal(modeOf("open"), 0o755);
  });
});

/** A bit of everything. */
function fillTree(root: string): void {
  for (const directory of ["a", "b"]) {
    mkdirSync(join(root, directory));
    for (let index = 0; index < 20; index++) {
      writeFileSync(
        join(root, directory, `f${index}`),
        `${directory} ${index} `.repeat(index * 50),
      );
    }
  }
  writeFileSync(join(root, "large"), Buffer.alloc(5_000_000, "0123456789abcdef"));
}

/** Another process that has a file open, and writes to it when asked. */
function holdOpen(path: string): Disposable & {
  readonly pid: number;
  write(text: string): Promise<string>;
} {
  const program = `
    const fs = require("node:fs");
    const fd = fs.openSync(process.argv[1], "w+");
    process.on("message", (text) => {
      try { fs.writeSync(fd, text, 0); process.send("ok"); } catch (error) { process.send(error.code); }
    });
    process.send("open");`;
  const child = spawn(process.execPath, ["-e", program, path], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const answers: ((text: string) => void)[] = [];
  const answer = (): Promise<string> => new Promise((resolve) => answers.push(resolve));
  child.on("message", (text) => answers.shift()?.(String(text)));
  const opened = answer();
  return {
    pid: child.pid!,
    async write(text) {
      await opened;
      const answered = answer();
      child.send(text);
      return answered;
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

async function packOf(fixture: MountFixture): Promise<string> {
  const { stdout } = await runCommand(["find", join(fixture.volumeRoot, "packs"), "-type", "f"]);
  const paths = stdout.trim().split("\n");
  const sizes = paths.map((path) => statSync(path).size);
  return paths[sizes.indexOf(Math.max(...sizes))]!;
}

function flipBit(path: string, at: number): void {
  const fd = openSync(path, "r+");
  const byte = new Uint8Array(1);
  readSync(fd, byte, 0, 1, at);
  byte[0]! ^= 1;
  writeSync(fd, byte, 0, 1, at);
  closeSync(fd);
}

/** Offsets of the 4 KiB steps that cannot be read; all others must be right. */
function unreadable(path: string, data: Buffer): number[] {
  const failed: number[] = [];
  const fd = openSync(path, "r");
  const into = Buffer.alloc(4096);
  for (let at = 0; at < data.length; at += into.length) {
    try {
      assert.equal(readSync(fd, into, 0, into.length, at), into.length);
      assert.equal(Buffer.compare(into, data.subarray(at, at + into.length)), 0, `at ${at}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EIO") throw error;
      failed.push(at);
    }
  }
  closeSync(fd);
  return failed;
}

/** fsck says exit code 1 and names the pack's number. */
async function demandProblem(fixture: MountFixture, pack: string): Promise<void> {
  const { code, stdout } = await fixture.fsck();
  assert.equal(code, 1, stdout);
  const number = Number.parseInt(pack.slice(-10), 16);
  assert.match(stdout, new RegExp(`pack ${number}\\b`));
}
