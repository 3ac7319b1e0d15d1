/**
 * Requests that the kernel is asked to send again after a restart (FUSE_NOTIFY_RESEND, Linux 6.9), and mounts that do
 * without, as older kernels must (rule J7). SHOAL_RESEND=0 is the internal switch.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { InitFlag2 } from "../../src/fuse/abi/flags.ts";
import { HANDOFF_AREA_SIZE, HandoffArea } from "../../src/mount/handoff-area.ts";
import { mapShared } from "../../src/sys/memory-file.ts";
import { MountFixture, skipWithoutMount, until } from "../support/mount-fixture.ts";

const KILL_COUNT = 12;
/** What must happen once: a second execution of any of these is an error. Prints how often it went round. */
const CLIENT = `
const fs = require("node:fs");
const [dir] = process.argv.slice(1);
let isDone = false;
process.on("message", () => { isDone = true; });
(async () => {
  let n = 0;
  for (; !isDone; n++) {
    const a = dir + "/a" + n, b = dir + "/b" + n;
    fs.writeFileSync(a, String(n), { flag: "wx" });
    fs.renameSync(a, b);
    fs.mkdirSync(a);
    fs.appendFileSync(b, "!");
    if (fs.readFileSync(b, "utf8") !== n + "!") throw new Error("other content in " + b);
    fs.unlinkSync(b);
    fs.rmdirSync(a);
    if (n % 16 === 0) await new Promise(setImmediate);
  }
  process.send(n, () => process.disconnect());
})();`;

class Client implements Disposable {
  readonly child: ChildProcess;
  readonly #count: Promise<unknown[]>;
  readonly #exit: Promise<unknown[]>;

  constructor(directory: string) {
    this.child = spawn(process.execPath, ["-e", CLIENT, directory], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#count = once(this.child, "message");
    this.#exit = once(this.child, "exit");
  }

  /** Ends it; returns how often it went round. Throws when it met an error. */
  async end(): Promise<number> {
    this.child.send("end");
    const [code] = await this.#exit;
    assert.equal(code, 0, "the client met an error");
    const [count] = await this.#count;
    return count as number;
  }

  [Symbol.dispose](): void {
    this.child.kill("SIGKILL");
  }
}

/** The memory file of a mount, as its supervisor has it open. */
async function handoffAreaOf(fixture: MountFixture): Promise<HandoffArea> {
  const { supervisorPid } = (await fixture.call("status")) as { readonly supervisorPid: number };
  const folder = `/proc/${supervisorPid}/fd`;
  const name = readdirSync(folder).find((fd) =>
    readlinkSync(`${folder}/${fd}`).startsWith("/memfd:shoal-handoff"),
  );
  assert.ok(name !== undefined, "no memory file");
  const fd = openSync(`${folder}/${name}`, "r+");
  try {
    return HandoffArea.open(mapShared(fd, { size: HANDOFF_AREA_SIZE }));
  } finally {
    closeSync(fd);
  }
}

function isStopped(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat[stat.lastIndexOf(")") + 2] === "T";
}

/** Stops the volume process again and again until it stands in the middle of a request. Returns its pid. */
async function stopInRequest(fixture: MountFixture, area: HandoffArea): Promise<number> {
  const { volumePid } = await fixture.serving();
  assert.ok(volumePid !== undefined);
  return until("a stop in the middle of a request", async () => {
    process.kill(volumePid, "SIGSTOP");
    await until("the stop", () => (isStopped(volumePid) ? true : undefined));
    if (area.request.recover() > 0) return volumePid;
    process.kill(volumePid, "SIGCONT");
    await sleep(3);
    return undefined;
  });
}

async function mounted(name: string, resend: boolean): Promise<MountFixture> {
  const before = process.env["SHOAL_RESEND"];
  process.env["SHOAL_RESEND"] = resend ? "1" : "0";
  try {
    return await MountFixture.mounted({ name });
  } finally {
    if (before === undefined) delete process.env["SHOAL_RESEND"];
    else process.env["SHOAL_RESEND"] = before;
  }
}

describe("after a restart", skipWithoutMount(), () => {
  for (const resend of [true, false]) {
    it(`every request takes effect once, ${resend ? "with" : "without"} FUSE_NOTIFY_RESEND`, async () => {
      await using fixture = await mounted("resend", resend);
      const area = await handoffAreaOf(fixture);
      if (!resend) assert.equal(area.session!.flags2 & InitFlag2.HAS_RESEND, 0);
      using client = new Client(fixture.mountPoint);
      for (let n = 0, last = -1; n < KILL_COUNT; n++) {
        last = (await fixture.serving(last)).volumePid!;
        await sleep(40 + ((n * 53) % 160));
        process.kill(last, "SIGKILL");
      }
      await fixture.serving();
      assert.ok((await client.end()) > 0);
      await fixture.umount();
      await fixture.demandClean();
    });
  }

  it("a request that the hand-off area lost comes again, and takes effect once", async (test) => {
    await using fixture = await mounted("resend-lost", true);
    const area = await handoffAreaOf(fixture);
    if ((area.session!.flags2 & InitFlag2.HAS_RESEND) === 0) {
      test.skip("this kernel has no FUSE_NOTIFY_RESEND (Linux 6.9)");
      return;
    }
    using client = new Client(fixture.mountPoint);
    await sleep(200);
    for (let n = 0; n < KILL_COUNT; n++) {
      const pid = await stopInRequest(fixture, area);
      area.request.beginRead();
      process.kill(pid, "SIGKILL");
      await fixture.serving(pid);
    }
    assert.ok((await client.end()) > 0);
    await fixture.umount();
    await fixture.demandClean();
  });
});
