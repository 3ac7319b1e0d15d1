/** A mount whose processes are stopped: what is said of it, and that the others are told of all the same. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { MountFixture, runShoal, skipWithoutMount } from "../support/mount-fixture.ts";

describe("a mount that does not answer", skipWithoutMount(), () => {
  let fixture: MountFixture;

  beforeEach(async () => {
    fixture = await MountFixture.mounted({ name: "silent" });
  });
  afterEach(() => fixture?.remove());

  it("is listed as silent, with the reason; asked for by name that is an error", async () => {
    const { supervisorPid } = await fixture.pids();
    process.kill(supervisorPid, "SIGSTOP");
    const [all, named] = await Promise.all([
      runShoal(["status", "--json"]),
      runShoal(["status", fixture.mountPoint]),
    ]);
    process.kill(supervisorPid, "SIGCONT");
    const { volumes } = JSON.parse(all.stdout) as { volumes: Record<string, unknown>[] };
    const row = volumes.find(({ mountPoint }) => mountPoint === fixture.mountPoint);
    assert.equal(row?.["state"], "silent");
    assert.equal(row["supervisorPid"], supervisorPid);
    assert.match(String(row["stateReason"]), /does not answer/u);
    assert.equal(all.code, 0, all.stderr);
    assert.equal(named.code, 1);
    assert.match(
      named.stderr,
      /^shoal: the mount on .* does not answer: its processes are stopped/u,
    );
    await fixture.umount();
    await fixture.demandClean();
  });
});
