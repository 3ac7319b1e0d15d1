/** The processes of a mount, with a real kernel and a fake engine. Wants root and /dev/fuse; a skip says so. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { open, readFile, rm, stat, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SystemClock } from "../../src/core/clock.ts";
import { findMount } from "../../src/sys/mount-table.ts";
import { unmount } from "../../src/fuse/unmount.ts";
import { ControlClient } from "../../src/mount/control-client.ts";
import { startInBackground, SupervisorExit, type StartedMount } from "../../src/mount/daemonize.ts";
import { type MountConfig, writeMountConfig } from "../../src/mount/mount-config.ts";
import { findNativeModules } from "../../src/mount/native-modules.ts";
import { makePrivateCopy, type PrivateCopy } from "../../src/mount/private-copy.ts";
import { isAlive, identifyProcess } from "../../src/sys/process-identity.ts";
import { StateDirectory } from "../../src/volume/state-directory.ts";
import { isLocked, readHolder } from "../../src/volume/state-lock.ts";
import { bundleProgram } from "../../scripts/bundle.ts";

const clock = new SystemClock();
const canMount = process.geteuid?.() === 0 && existsSync("/dev/fuse");
const skip = canMount ? false : "wants root and /dev/fuse";
const WAIT_MS = 20_000;

let folder = "";
let program: PrivateCopy;
let count = 0;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "shoal-mount-"));
  mkdirSync(join(folder, "run"));
  const bundle = join(folder, "bundle");
  await bundleProgram(bundle, [
    "test/support/fake-engine.ts",
    "test/support/fake-engine-worker.ts",
  ]);
  program = makePrivateCopy({ bundle, natives: findNativeModules() }, join(folder, "run"));
});
after(() => rmSync(folder, { recursive: true }));

interface Status {
  readonly state: string;
  readonly volumePid?: number;
  readonly sparePid?: number;
  readonly restarts: number;
  readonly crashLoop?: string;
}

/** One mount of the fake engine, unmounted at the end whatever happened. */
class TestMount {
  readonly mountPoint: string;
  readonly directory: StateDirectory;
  started: StartedMount | undefined;

  constructor(options: Partial<MountConfig> & { readonly engineOptions?: unknown } = {}) {
    const base = join(folder, `m${++count}`);
    this.mountPoint = join(base, "mnt");
    mkdirSync(this.mountPoint, { recursive: true });
    const path = join(base, "state");
    this.directory = StateDirectory.open({ path, volume: "v1", level: "disk", freeSizeMin: 0 });
    const { engineOptions = {}, ...rest } = options;
    const module = join(program.root, "fake-engine.js");
    writeMountConfig(this.directory.mountConfig, {
      version: 1,
      volume: "v1",
      source: "file:///fake",
      mountPoint: this.mountPoint,
      stateDirectory: this.directory.path,
      engine: { module, options: engineOptions },
      warmSpare: false,
      ...rest,
    });
  }

  get entry(): string {
    return join(program.root, "supervisor-main.js");
  }

  async start(): Promise<this> {
    const { mountConfig: configPath, log: logPath } = this.directory;
    const { entry, mountPoint } = this;
    this.started = await startInBackground({ entry, configPath, logPath, mountPoint, clock });
    return this;
  }

  /** As a child of the test, so that its exit code can be seen. */
  startInForeground(): ChildProcess {
    return spawn(process.execPath, [this.entry, this.directory.mountConfig], {
      stdio: ["ignore", "ignore", openSync(this.directory.log, "a")],
    });
  }

  path(name: string): string {
    return join(this.mountPoint, name);
  }

  async call(method: string, params?: unknown): Promise<unknown> {
    using client = await ControlClient.connect(this.directory.controlSocket);
    return await client.call(method, { params });
  }

  async status(): Promise<Status> {
    return (await this.call("status")) as Status;
  }

  async waitFor(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const endMs = clock.monotonicMs() + WAIT_MS;
    while (!(await condition())) {
      if (clock.monotonicMs() > endMs)
        assert.fail(`${what} did not come:\n${readFileSync(this.directory.log, "utf8")}`);
      await clock.sleep(10);
    }
  }

  waitForServing(): Promise<void> {
    const isServing = async (): Promise<boolean> =>
      existsSync(this.directory.controlSocket) &&
      (await this.status().catch(() => undefined))?.state === "serving";
    return this.waitFor("serving", isServing);
  }

  async waitForEnd(): Promise<void> {
    await this.waitFor("the end of the mount", () => findMount(this.mountPoint) === undefined);
    await this.waitFor("the end of the processes", () => !isLocked(this.directory.lock));
  }

  log(): string {
    return readFileSync(this.directory.log, "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (findMount(this.mountPoint) !== undefined) {
      // The test failed: take the processes away first, so that nobody waits for them.
      const holder = readHolder(this.directory.lock);
      for (const identity of [holder?.supervisor, holder?.volumeProcess])
        if (identity !== undefined && isAlive(identity)) process.kill(identity.pid, "SIGKILL");
      await unmount(this.mountPoint, { lazy: true });
    }
    await this.waitForEnd();
  }
}

describe("a mount's processes", { skip, timeout: 120_000 }, () => {
  it("start in the background, serve, drain and leave nothing behind", async () => {
    await using mount = await new TestMount().start();
    await writeFile(mount.path("a"), "hello");
    assert.equal(await readFile(mount.path("a"), "utf8"), "hello");
    assert.equal(findMount(mount.mountPoint)?.type, "fuse.shoal");
    const session = readFileSync(`/proc/${mount.started!.pid}/stat`, "utf8").split(" ");
    assert.equal(Number(session[5]), mount.started!.pid, "leads its own session");
    assert.deepEqual(await mount.call("echo", { n: 1 }), { n: 1 });
    await assert.rejects(mount.call("dance"), { code: "EOPNOTSUPP" });
    await mount.call("unmount");
    await mount.waitForEnd();
    assert.match(mount.log(), /everything is stored/);
    assert.equal(existsSync(mount.directory.controlSocket), false);
  });

  it("lose nothing and show no error when the volume process is killed 20 times under load", async () => {
    await using mount = await new TestMount().start();
    let kills = 0;
    let killed: number | undefined;
    const killing = { isDone: false };
    const killer = (async () => {
      while (kills < 20) {
        await mount.waitForServing();
        await clock.sleep(30 + ((kills * 37) % 90));
        const { volumePid } = await mount.status();
        // Until its parent has noticed, a dead process can be killed again.
        if (volumePid === undefined || volumePid === killed) continue;
        process.kill(volumePid, "SIGKILL");
        killed = volumePid;
        kills++;
      }
      killing.isDone = true;
    })();
    const content = new Map<string, string>();
    for (let n = 0; !killing.isDone; n++) {
      const path = mount.path(`f${n}`);
      const text = `content of ${n} `.repeat(1 + (n % 50));
      await writeFile(path, text, { flag: "wx" });
      assert.equal(await readFile(path, "utf8"), text);
      const other = mount.path(`f${n >> 1}`);
      if (n % 3 === 0 && content.has(other)) {
        await unlink(other);
        content.delete(other);
      }
      content.set(path, text);
    }
    await killer;
    await mount.waitForServing();
    const { restarts } = await mount.status();
    assert.equal(restarts, 20);
    for (const [path, text] of content) assert.equal(await readFile(path, "utf8"), text);
    await mount.call("unmount");
    await mount.waitForEnd();
  });

  it("hand over to a warm spare", async () => {
    await using mount = await new TestMount({ warmSpare: true }).start();
    await writeFile(mount.path("a"), "before");
    await mount.waitFor("a spare", async () => (await mount.status()).sparePid !== undefined);
    await clock.sleep(500);
    const { volumePid, sparePid } = await mount.status();
    process.kill(volumePid!, "SIGKILL");
    assert.equal(await readFile(mount.path("a"), "utf8"), "before");
    await mount.waitForServing();
    assert.equal((await mount.status()).volumePid, sparePid);
    await mount.call("unmount");
    await mount.waitForEnd();
  });

  it("answer EIO in a crash loop, say so, and serve again when told", async () => {
    await using mount = await new TestMount({
      engineOptions: { poison: "poison" },
      restart: { fruitlessMax: 3 },
    }).start();
    await writeFile(mount.path("good"), "kept");
    await assert.rejects(writeFile(mount.path("poison"), ""), { code: "EIO" });
    const status = await mount.status();
    assert.equal(status.state, "crash-loop");
    assert.match(status.crashLoop!, /died 3 times in sequence without answering/);
    await assert.rejects(stat(mount.path("never-seen")), { code: "EIO" });
    await assert.rejects(mount.call("echo", 1), { code: "EIO", message: /crash loop/ });
    await mount.call("restart");
    await mount.waitForServing();
    assert.equal(await readFile(mount.path("good"), "utf8"), "kept");
    await mount.call("unmount");
    await mount.waitForEnd();
  });

  it("can be unmounted from a crash loop, and say that not all is stored", async () => {
    const mount = new TestMount({
      engineOptions: { poison: "poison" },
      restart: { fruitlessMax: 2 },
    });
    await using _ = mount;
    const supervisor = mount.startInForeground();
    await mount.waitForServing();
    await assert.rejects(writeFile(mount.path("poison"), ""), { code: "EIO" });
    supervisor.kill("SIGTERM");
    const [code] = (await once(supervisor, "exit")) as [number];
    assert.equal(code, SupervisorExit.NOT_DRAINED);
    assert.match(mount.log(), /journal keeps what is not stored/);
  });

  it("tell whoever starts them why the volume is refused, and leave nothing mounted", async () => {
    await using mount = new TestMount({ engineOptions: { refuseFrom: 1 } });
    await assert.rejects(mount.start(), { code: "EIO", message: "the fake volume is corrupt" });
    assert.equal(findMount(mount.mountPoint), undefined);
    assert.equal(isLocked(mount.directory.lock), false);
  });

  it("stop answering when a restarted engine refuses, with its reason", async () => {
    await using mount = await new TestMount({ engineOptions: { refuseFrom: 2 } }).start();
    process.kill((await mount.status()).volumePid!, "SIGKILL");
    await assert.rejects(stat(mount.path("x")), { code: "EIO" });
    assert.match((await mount.status()).crashLoop!, /the fake volume is corrupt/);
  });

  it("end with 0 at SIGTERM, and only report at a second one", async () => {
    await using mount = new TestMount();
    const supervisor = mount.startInForeground();
    await mount.waitForServing();
    await writeFile(mount.path("a"), "x");
    supervisor.kill("SIGTERM");
    supervisor.kill("SIGINT");
    const [code] = (await once(supervisor, "exit")) as [number];
    assert.equal(code, SupervisorExit.OK);
    assert.equal(findMount(mount.mountPoint), undefined);
  });

  it("detach a busy mount, name its holders, and serve it until they are gone", async () => {
    await using mount = new TestMount({ detachWaitMs: 10_000 });
    const supervisor = mount.startInForeground();
    await mount.waitForServing();
    const file = await open(mount.path("held"), "w+");
    await file.write("held");
    supervisor.kill("SIGTERM");
    await mount.waitFor("detached", () => findMount(mount.mountPoint) === undefined);
    await file.write(" and written after");
    assert.equal((await file.stat()).size, 22);
    await file.close();
    const [code] = (await once(supervisor, "exit")) as [number];
    assert.equal(code, SupervisorExit.OK);
    assert.match(mount.log(), new RegExp(`busy.*process ${process.pid} .*held`));
  });

  it("end a detached mount whose holders never go", async () => {
    await using mount = new TestMount({ detachWaitMs: 300 });
    const supervisor = mount.startInForeground();
    await mount.waitForServing();
    const fd = openSync(mount.path("held"), "w+");
    try {
      supervisor.kill("SIGTERM");
      const [code] = (await once(supervisor, "exit")) as [number];
      assert.equal(code, SupervisorExit.OK);
      assert.throws(() => statSync(`/proc/self/fd/${fd}`), { code: "ENOTCONN" });
    } finally {
      // Closing asks the mount to flush, which is gone; the descriptor is closed all the same.
      assert.throws(() => closeSync(fd), { code: "ENOTCONN" });
    }
  });

  it("end in order when somebody else unmounts", async () => {
    await using mount = new TestMount();
    const supervisor = mount.startInForeground();
    await mount.waitForServing();
    await unmount(mount.mountPoint);
    const [code] = (await once(supervisor, "exit")) as [number];
    assert.equal(code, SupervisorExit.OK);
  });

  it("say with their exit code that not all is stored", async () => {
    await using mount = new TestMount({ engineOptions: { undrained: "the store is away" } });
    const supervisor = mount.startInForeground();
    await mount.waitForServing();
    supervisor.kill("SIGTERM");
    const [code] = (await once(supervisor, "exit")) as [number];
    assert.equal(code, SupervisorExit.NOT_DRAINED);
    assert.match(mount.log(), /the store is away/);
  });

  it("stop in time at a signal although nothing can be stored, and say so", async () => {
    await using mount = new TestMount({
      engineOptions: { neverDrains: true },
      stopLimitMs: 300,
    });
    const supervisor = mount.startInForeground();
    await mount.waitForServing();
    await writeFile(mount.path("a"), "x");
    supervisor.kill("SIGTERM");
    const [code] = (await once(supervisor, "exit")) as [number];
    assert.equal(code, SupervisorExit.OK, "the fake says at its end that all is stored");
    assert.equal(findMount(mount.mountPoint), undefined);
    assert.match(mount.log(), /not all was stored within 300 ms/);
  });

  it("stop in time although the volume process never ends, which loses nothing", async () => {
    await using mount = new TestMount({
      engineOptions: { neverEnds: true },
      stopLimitMs: 200,
      detachWaitMs: 200,
    });
    const supervisor = mount.startInForeground();
    await mount.waitForServing();
    supervisor.kill("SIGTERM");
    const [code] = (await once(supervisor, "exit")) as [number];
    assert.equal(code, SupervisorExit.NOT_DRAINED);
    assert.equal(findMount(mount.mountPoint), undefined);
    assert.match(mount.log(), /the stop is cut short: the journal keeps/);
  });

  it("take all the time there is when it was no signal that asked", async () => {
    await using mount = new TestMount({ engineOptions: { neverDrains: true }, stopLimitMs: 100 });
    await mount.start();
    await mount.call("unmount");
    await mount.waitFor("the drain", async () => (await mount.status()).state === "draining");
    await clock.sleep(300);
    assert.equal((await mount.status()).state, "draining");
    process.kill(mount.started!.pid, "SIGTERM");
    await mount.waitForEnd();
  });

  it("refuse a second mount of the same state directory and name the first", async () => {
    await using mount = await new TestMount().start();
    await assert.rejects(mount.start(), {
      code: "EBUSY",
      message: new RegExp(`volume v1 is mounted on ${mount.mountPoint} by process`),
    });
    await writeFile(mount.path("still"), "served");
    await mount.call("unmount");
    await mount.waitForEnd();
  });

  it("serve on without a supervisor, keep the lock, and still drain and unmount when told", async () => {
    await using mount = await new TestMount({ warmSpare: true }).start();
    await writeFile(mount.path("a"), "x");
    await mount.waitFor("a spare", async () => (await mount.status()).sparePid !== undefined);
    const { sparePid } = await mount.status();
    const spare = identifyProcess(sparePid!)!;
    process.kill(mount.started!.pid, "SIGKILL");
    await mount.waitFor("the spare's end", () => !isAlive(spare));
    assert.equal(await readFile(mount.path("a"), "utf8"), "x");
    await writeFile(mount.path("b"), "y");
    assert.equal(isLocked(mount.directory.lock), true);
    await mount.waitFor("its control socket", async () => {
      const status = await mount.status().catch(() => undefined);
      return status?.state === "serving-without-supervisor";
    });
    await mount.call("unmount");
    await mount.waitForEnd();
    await rm(mount.directory.log);
  });
});
