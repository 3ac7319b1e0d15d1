import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FsError } from "../core/fs-error.ts";
import { FakeWorld, type FakeWorldOptions, type Run } from "../../test/cli/fake-world.ts";
import type {
  AccessRecord,
  CreateRequest,
  FsckReport,
  FsckRequest,
  MountReport,
  MountRequest,
  RemountRequest,
  UnmountReport,
  UnmountRequest,
} from "./actions.ts";

const run = (options: FakeWorldOptions, ...args: string[]): Promise<Run> =>
  new FakeWorld(options).run(...args);

const report: MountReport = {
  volumeUrl: "file:///srv/v",
  uuid: "0f".repeat(16),
  mountPoint: "/here/mnt",
  logPath: "/state/log",
  isNew: false,
  hidesEntries: false,
};

async function mountWith(...args: string[]): Promise<{ request: MountRequest; run: Run }> {
  let request: MountRequest | undefined;
  const mountVolume = async (given: MountRequest): Promise<MountReport> => {
    request = given;
    return report;
  };
  const result = await run({ actions: { mountVolume } }, "mount", ...args);
  assert.equal(result.exitCode, 0, result.err);
  return { request: request!, run: result };
}

/** A mount that works: nothing of the request is looked at. */
const mountWorks = async (): Promise<MountReport> => report;

/** One that fails. */
const mountFailing = (error: Error) => async (): Promise<MountReport> => {
  throw error;
};

const cleanReport: FsckReport = {
  outcome: "clean",
  volumeUrl: "file:///v",
  uuid: "ab",
  problems: [],
  problemCount: 0,
  inodeCount: 3,
  packCount: 1,
  packSize: 2048,
  journalRecordCount: 4,
  durationMs: 100,
};

const fsckWith = (result: FsckReport): Promise<Run> => {
  const fsck = async (request: FsckRequest): Promise<FsckReport> => {
    assert.equal(request.metadataOnly, true);
    assert.equal(request.target.kind, "url");
    return result;
  };
  return run({ actions: { fsck } }, "fsck", "--metadata-only");
};

const syncFailing = (error: Error): FakeWorldOptions => ({
  actions: {
    sync: async () => {
      throw error;
    },
  },
});

describe("shoal mount", () => {
  it("with one word takes the default volume, and makes it when it is missing", async () => {
    const { request } = await mountWith("mnt");
    assert.equal(request.volumeUrl, "file:///home/ada/.local/share/shoal/default");
    assert.equal(request.createIfMissing, true);
    assert.equal(request.mountPoint, "/here/mnt");
    assert.equal(request.foreground, false);
  });

  it("with two words takes the first as the volume, which it never makes", async () => {
    const { request, run: result } = await mountWith("/srv/v", "/mnt");
    assert.equal(request.volumeUrl, "file:///srv/v");
    assert.equal(request.createIfMissing, false);
    assert.equal(result.out, "file:///srv/v is mounted on /here/mnt\n");
    assert.match(result.err, /its log is \/state\/log/u);
  });

  it("hands every option on, its own over those of -o", async () => {
    const line =
      "--read-only --allow-other --durability memory --cache-size 1G --memory 256M --acl --writeback " +
      "--state-dir st --metrics 9100 -o rw,noexec,cache_size=2G -o dev mnt";
    const { request } = await mountWith(...line.split(" "));
    assert.deepEqual(request.settings, {
      readOnly: true,
      allowOther: true,
      acl: true,
      writeback: true,
      durability: "memory",
      cacheSize: 1024 ** 3,
      memorySize: 256 * 1024 ** 2,
      stateDirectory: "/here/st",
      metricsPort: 9100,
      kernelOptions: ["dev", "nosuid", "noexec"],
    });
  });

  it("says what is hidden, and which options only root may ask for", async () => {
    const mountVolume = async (): Promise<MountReport> => ({ ...report, hidesEntries: true });
    const line = ["mount", "-o", "dev,suid", "/srv/v", "mnt"];
    const user = await run({ actions: { mountVolume } }, ...line);
    assert.equal(user.exitCode, 0);
    assert.match(user.err, /^shoal: dev and suid have no effect: only root may mount so\n/u);
    assert.match(user.err, /what was in \/here\/mnt is hidden until it is unmounted\n/u);
    const root = await run({ actions: { mountVolume }, uid: 0 }, ...line);
    assert.doesNotMatch(root.err, /no effect/u);
  });

  it("refuses so little memory that the option would promise nothing", async () => {
    for (const line of [
      ["--memory", "1"],
      ["-o", "memory=64M"],
    ]) {
      const refused = await run({}, "mount", ...line, "mnt");
      assert.equal(refused.exitCode, 2);
      assert.match(refused.err, /memory: .* is less than the 128 MiB that a mount needs\n/u);
    }
  });

  it("in the foreground announces when it is ready, and drains at Ctrl-C", async () => {
    const world = new FakeWorld({
      actions: {
        async mountVolume(request) {
          assert.equal(request.foreground, true);
          request.onReady({ ...report, isNew: true });
          assert.match(world.out, /is mounted on/u);
          world.signals.emit("SIGINT");
          assert.equal(request.signal.aborted, true);
          world.signals.emit("SIGINT");
          return report;
        },
      },
    });
    const result = await world.run("mount", "--foreground", "mnt");
    assert.equal(result.exitCode, 0);
    assert.match(result.err, /made the volume/u);
    assert.match(result.err, /draining and unmounting \/here\/mnt\n.*nothing is abandoned\n/u);
    assert.match(result.err, /\/here\/mnt is unmounted/u);
  });

  it("says whose default volume it is under sudo", async () => {
    const mountVolume = mountWorks;
    const env = { SUDO_USER: "ada", HOME: "/home/ada" };
    const result = await run({ actions: { mountVolume }, env, uid: 0 }, "mount", "mnt");
    assert.match(result.err, /^shoal: no volume named: using root's default volume/u);
  });

  it("suggests `create` when the default volume is mounted already, but not for a named one", async () => {
    const mountVolume = mountFailing(
      new FsError("EBUSY", "the volume is mounted on /elsewhere by process 7"),
    );
    const standard = await run({ actions: { mountVolume } }, "mount", "mnt");
    assert.equal(standard.exitCode, 1);
    assert.match(
      standard.err,
      /^shoal: the volume is mounted on \/elsewhere.*\n {7}.*shoal create/u,
    );
    const named = await run({ actions: { mountVolume } }, "mount", "/srv/v", "mnt");
    assert.ok(!named.err.includes("create"));
  });

  it("with -o remount changes what is named and nothing else", async () => {
    let request: RemountRequest | undefined;
    const remountVolume = async (given: RemountRequest): Promise<void> => {
      request = given;
    };
    const result = await run({ actions: { remountVolume } }, "mount", "-o", "remount,ro", "mnt");
    assert.equal(result.exitCode, 0);
    assert.deepEqual(request, { mountPoint: "/here/mnt", changes: { readOnly: true } });
  });
});

describe("a wrong command line", () => {
  const cases: Readonly<Record<string, readonly [readonly string[], RegExp]>> = {
    "a missing command": [[], /Usage: shoal/u],
    "an unknown command": [["mout"], /unknown command 'mout'\n.*Did you mean mount/u],
    "an unknown option": [
      ["mount", "--fast", "m"],
      /unknown option '--fast'\n.*shoal mount --help/u,
    ],
    "a missing argument": [["mount"], /missing required argument 'DIR'/u],
    "too many arguments": [["mount", "a", "b", "c"], /3 arguments/u],
    "one argument too many": [["sync", "a", "b"], /too many arguments/u],
    "a wrong size": [["mount", "--cache-size", "big", "m"], /--cache-size: "big" is no size/u],
    "a wrong level": [["mount", "--durability", "x", "m"], /Choose memory or disk/u],
    "a wrong port": [["mount", "--metrics", "-1", "m"], /metrics: "-1" is no port/u],
    "a wrong compression": [["create", "--compression", "gzip", "v"], /Allowed choices are/u],
    "an unsupported store": [
      ["create", "s3://b/p"],
      /not supported yet: a volume in a bucket \(s3:/u,
    ],
    "an empty mount point": [["mount", ""], /the mount point is empty/u],
    "a wrong time-out": [["umount", "--timeout", "soon", "m"], /no number of seconds/u],
    "a wrong line count": [["log", "-n", "0"], /no number from 1/u],
  };
  for (const [name, [args, message]] of Object.entries(cases)) {
    it(`is refused with exit code 2: ${name}`, async () => {
      const result = await run({}, ...args);
      assert.equal(result.exitCode, 2);
      assert.equal(result.out, "");
      assert.match(result.err, message);
      assert.ok(!result.err.includes("    at "), "no stack trace");
    });
  }
});

describe("an error", () => {
  it("is one line, hints below it, without a stack trace", async () => {
    const result = await run(
      syncFailing(new FsError("ENOTCONN", "nothing is mounted\ntry x")),
      "sync",
    );
    assert.deepEqual(result, {
      exitCode: 1,
      out: "",
      err: "shoal: nothing is mounted\n       try x\n",
    });
  });

  it("that is a bug of ours comes with its stack", async () => {
    const result = await run(syncFailing(new TypeError("x is not a function")), "sync");
    assert.equal(result.exitCode, 1);
    assert.match(result.err, /^shoal: a bug.*\nTypeError: x is not a function\n +at /u);
  });

  it("of fsck is exit code 8: it could not check", async () => {
    const actions = {
      async fsck(): Promise<FsckReport> {
        throw new FsError("ENOENT", "no volume there");
      },
    };
    assert.equal((await run({ actions }, "fsck", "/srv/v")).exitCode, 8);
  });
});

describe("the helpers of mount(8)", () => {
  it("mount quietly in the background, with what -o says", async () => {
    let request: MountRequest | undefined;
    const mountVolume = async (given: MountRequest): Promise<MountReport> => {
      request = given;
      return report;
    };
    const args = ["mount.fuse.shoal", "/srv/v", "/mnt", "-o", "rw,dev,suid,_netdev", "-n"];
    const result = await run({ actions: { mountVolume }, uid: 0 }, ...args);
    assert.deepEqual(result, { exitCode: 0, out: "", err: "" });
    assert.equal(request!.foreground, false);
    assert.equal(request!.createIfMissing, false);
    assert.deepEqual(request!.settings.kernelOptions, ["dev", "suid"]);
  });

  it("let devices and set-id programs work as mount(8) does, which hands on only what forbids them", async () => {
    const kernelOptionsOf = async (uid: number, options: string): Promise<readonly string[]> => {
      let request: MountRequest | undefined;
      const mountVolume = async (given: MountRequest): Promise<MountReport> => {
        request = given;
        return report;
      };
      await run({ actions: { mountVolume }, uid }, "mount.fuse.shoal", "/v", "/mnt", "-o", options);
      return request!.settings.kernelOptions;
    };
    assert.deepEqual(await kernelOptionsOf(0, "rw,allow_other,nofail"), ["dev", "suid"]);
    assert.deepEqual(await kernelOptionsOf(0, "rw,nosuid,user=a"), ["dev", "nosuid"]);
    assert.deepEqual(await kernelOptionsOf(0, "rw,nosuid,nodev,noexec"), [
      "nodev",
      "nosuid",
      "noexec",
    ]);
    assert.deepEqual(await kernelOptionsOf(1000, "rw"), ["nodev", "nosuid"]);
  });

  it("fail with mount(8)'s own exit codes: 32 for the mount, 1 for the call", async () => {
    const mountVolume = mountFailing(new FsError("EIO", "no"));
    const failed = await run({ actions: { mountVolume } }, "mount.fuse.shoal", "/v", "/mnt");
    assert.equal(failed.exitCode, 32);
    assert.equal(failed.err, "shoal: no\n");
    const wrong = await run({}, "mount.fuse.shoal", "/v", "/mnt", "-o", "bogus");
    assert.equal(wrong.exitCode, 1);
    assert.match(wrong.err, /bogus/u);
  });

  it("pass over unknown options under -s, remount, and mount nothing under -f", async () => {
    let remounted = false;
    const remountVolume = async (): Promise<void> => {
      remounted = true;
    };
    const options = { actions: { remountVolume } };
    await run(options, "mount.fuse.shoal", "/v", "/mnt", "-s", "-o", "remount,bogus");
    assert.equal(remounted, true);
    assert.equal((await run({}, "mount.fuse.shoal", "/v", "/mnt", "-f")).exitCode, 0);
    assert.equal((await run({}, "mount.fuse.shoal", "s3://b", "/mnt", "-f")).exitCode, 1);
  });

  it("unmount quietly, and say who keeps a mount busy", async () => {
    const actions = {
      async unmountVolume(request: UnmountRequest): Promise<UnmountReport> {
        assert.deepEqual(request.target, { kind: "path", path: "/mnt" });
        return { outcome: "busy", mountPoint: "/mnt", holders: ["process 8 (bash): cwd"] };
      },
    };
    const result = await run({ actions }, "umount.fuse.shoal", "/mnt", "-l");
    assert.equal(result.exitCode, 1);
    assert.match(result.err, /\/mnt is in use\n {7}process 8 \(bash\): cwd\n/u);
  });
});

describe("the other commands", () => {
  it("create passes its options and tells how to mount", async () => {
    let request: CreateRequest | undefined;
    const createVolume = async (given: CreateRequest) => {
      request = given;
      return { volumeUrl: given.volumeUrl, uuid: "ab" };
    };
    const args = ["create", "--compression", "zstd", "--acl", "vol"];
    const result = await run({ actions: { createVolume } }, ...args);
    assert.deepEqual(request, { volumeUrl: "file:///here/vol", compression: "zstd", acl: true });
    assert.equal(result.out, "created the volume file:///here/vol (ab)\n");
    assert.match(result.err, /shoal mount vol DIR/u);
    for (const [word, quoted] of [
      ["a b", "'a b'"],
      ["it's", String.raw`'it'\''s'`],
      ["-x", "'./-x'"],
    ] as const) {
      const odd = await run({ actions: { createVolume } }, "create", "--", word);
      assert.equal(odd.err, `mount it: shoal mount ${quoted} DIR\n`);
    }
  });

  it("umount hands on force, lazy and the time-out, and fails while it still drains", async () => {
    let request: UnmountRequest | undefined;
    const unmountVolume = async (given: UnmountRequest): Promise<UnmountReport> => {
      request = given;
      return { outcome: "late", mountPoint: "/mnt", holders: [] };
    };
    const args = ["umount", "--force", "--lazy", "--timeout", "1.5", "/mnt"];
    const result = await run({ actions: { unmountVolume } }, ...args);
    assert.equal(result.exitCode, 1);
    assert.match(result.err, /still being drained/u);
    assert.deepEqual(request, {
      target: { kind: "path", path: "/mnt" },
      force: true,
      lazy: true,
      timeoutMs: 1500,
    });
  });

  it("fsck lists problems and ends with 0, 1 or 8", async () => {
    assert.deepEqual(await fsckWith(cleanReport), {
      exitCode: 0,
      out: "file:///v: clean (3 inodes, 1 packs, 4 journal records, 2.0 KiB, 0.1 s)\n",
      err: "",
    });
    const { journalRecordCount: _, ...older } = cleanReport;
    const byOlder = await fsckWith(older);
    assert.equal(byOlder.out, "file:///v: clean (3 inodes, 1 packs, 2.0 KiB, 0.1 s)\n");
    const problems = [{ subject: "inode 7", message: "nlink is 2, counted 1" }];
    const bad = await fsckWith({ ...cleanReport, outcome: "problems", problems, problemCount: 5 });
    assert.equal(bad.exitCode, 1);
    assert.match(bad.out, /^inode 7: nlink is 2, counted 1\nand 4 more\nfile:\/\/\/v: 5 problems/u);
    const unchecked = await fsckWith({
      ...cleanReport,
      outcome: "unchecked",
      reason: "pack 3: EACCES",
    });
    assert.equal(unchecked.exitCode, 8);
    assert.match(unchecked.out, /NOT CHECKED WHOLLY: pack 3: EACCES/u);
  });

  it("log shows the mount's own lines, or follows operations until Ctrl-C", async () => {
    const actions = { readLog: async () => ["one", "two"] };
    assert.equal((await run({ actions }, "log")).out, "one\ntwo\n");
    const record: AccessRecord = {
      timeMs: 0,
      operation: "getattr",
      uid: 0,
      pid: 1,
      arguments: "1",
      result: "ok",
      durationUs: 5,
    };
    const world = new FakeWorld({
      actions: {
        async *followLog(_target, signal) {
          yield record;
          world.signals.emit("SIGINT");
          assert.equal(signal.aborted, true);
        },
      },
    });
    const result = await world.run("log", "--follow", "/mnt");
    assert.equal(result.exitCode, 0);
    assert.match(result.out, /uid 0 pid 1 getattr\(1\) = ok 5 µs\n$/u);
  });

  it("sync says what was stored", async () => {
    const stored = { mountPoint: "/m", packCount: 2, packSize: 2048, durationMs: 200 };
    const result = await run({ actions: { sync: async () => stored } }, "sync");
    assert.equal(result.out, "/m: all is stored (2 packs, 2.0 KiB, 0.2 s)\n");
  });

  it("version and help need no actions", async () => {
    assert.match((await run({}, "version")).out, /^shoal \d+\.\d+\.\d+ \(Node\.js v/u);
    assert.match((await run({}, "--version")).out, /^\d+\.\d+\.\d+\n$/u);
    const unknown = await run({}, "help", "mout");
    assert.equal(unknown.exitCode, 2);
    assert.match(unknown.err, /shoal: unknown command 'mout'; the commands are those above\n$/u);
    const help = await run({}, "--help");
    assert.equal(help.exitCode, 0);
    assert.match(help.out, /mount \[options\] \[VOLUME\] DIR/u);
    for (const command of ["create", "mount", "umount", "status", "stats", "sync", "fsck", "log"]) {
      const { out, exitCode } = await run({}, command, "--help");
      assert.equal(exitCode, 0);
      assert.match(out, new RegExp(`^Usage: shoal ${command}`, "u"));
    }
  });
});
