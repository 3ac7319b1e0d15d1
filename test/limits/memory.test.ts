/**
 * A mount that may take 400 MiB, caches of its process included: it is never killed for want of memory, restarts nothing,
 * and clients that dirty mapped pages at a limit of their own get on.
 *
 * Clients in the mount's own group are another matter: with cgroups of version 1 and without CAP_SYS_RESOURCE (so that
 * PR_SET_IO_FLUSHER is refused, which the log says) the kernel lets the engine's own write wait for their mapped pages,
 * and those wait for the engine. Source: mm/vmscan.c, shrink_folio_list, case 3; docs/semantics.md says so.
 *
 * SHOAL_LIMIT_NPM=1 installs this project's dependencies on the mount: the long run.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { makeUntar } from "../support/kill-workloads.ts";
import { MemoryGroup, reasonNotToLimit } from "../support/memory-group.ts";
import {
  demandSuccess,
  makeWorkDirectory,
  MountFixture,
  reasonNotToMount,
  runCommand,
} from "../support/mount-fixture.ts";

const LIMIT_SIZE: number = 400 * 1024 * 1024;
/** Half of what the clients map. */
const CLIENT_LIMIT_SIZE: number = 64 * 1024 * 1024;
const INSTALLS = process.env["SHOAL_LIMIT_NPM"] === "1";
const ROOT = join(import.meta.dirname, "..", "..");
const PASS_COUNT = 3;
const MIB: number = 1024 * 1024;

const skip = reasonNotToMount() ?? reasonNotToLimit();

describe("a mount within 400 MiB", skip === undefined ? {} : { skip }, () => {
  it("unpacks and compares a tree again and again", async (context) => {
    await within(context, async (fixture) => {
      const scratch = makeWorkDirectory("memory-source");
      try {
        const untar = await makeUntar(scratch);
        for (let pass = 0; pass < PASS_COUNT; pass++) {
          const directory = join(fixture.mountPoint, `pass-${pass}`);
          mkdirSync(directory);
          await untar.pass(directory);
        }
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    });
  });

  it("serves eight clients that dirty shared mappings at a limit of their own", async (context) => {
    await within(context, async (fixture) => {
      await using clients = new MemoryGroup("shoal-clients", CLIENT_LIMIT_SIZE);
      const job = `--name=mapped --directory=${fixture.mountPoint} --numjobs=8 --size=16M --bs=4k`;
      const work =
        "--ioengine=mmap --rw=randwrite --verify=crc32c --verify_state_save=0 --invalidate=0";
      const command = ["fio", ...job.split(" "), ...work.split(" ")];
      const result = await runCommand([...clients.prefix, ...command]);
      if (/fio: not found/u.test(result.stderr)) return context.skip("there is no fio");
      demandSuccess(result);
      assert.equal(clients.killCount, 0, "clients killed for want of memory");
    });
  });

  const npm = INSTALLS ? {} : { skip: "SHOAL_LIMIT_NPM is not set" };
  it("has the dependencies of this project installed on it", npm, async (context) => {
    await within(context, async (fixture) => {
      for (const name of ["package.json", "package-lock.json", "scripts/node-runtime"]) {
        cpSync(join(ROOT, name), join(fixture.mountPoint, name), { recursive: true });
      }
      const install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"];
      demandSuccess(await runCommand(install, { cwd: fixture.mountPoint }));
      const check = ["npm", "ls", "--all"];
      demandSuccess(await runCommand(check, { cwd: fixture.mountPoint }));
    });
  });
});

async function within(
  context: TestContext,
  work: (fixture: MountFixture) => Promise<void>,
): Promise<void> {
  await using group = new MemoryGroup("shoal-memory", LIMIT_SIZE);
  await using fixture = await MountFixture.mounted({ name: "memory", prefix: group.prefix });
  await work(fixture);
  const { restarts } = await fixture.pids();
  const peak = Math.round(group.peakSize / MIB);
  assert.deepEqual([restarts, group.killCount], [0, 0], "restarts, and kills for want of memory");
  context.diagnostic(`proof: at most ${peak} MiB`);
  await fixture.umount();
  await fixture.ended();
  await fixture.demandClean();
}
