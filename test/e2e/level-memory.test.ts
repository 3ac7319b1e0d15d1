/** Level `memory`: what is acknowledged survives killed processes, fsync or not. */
import assert from "node:assert/strict";
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MountFixture, skipWithoutMount } from "../support/mount-fixture.ts";

describe("a mount at level memory", skipWithoutMount(), () => {
  it("loses nothing when its processes are killed, one or all", async () => {
    await using fixture = await MountFixture.mounted({
      name: "level-memory",
      mount: ["--durability", "memory"],
    });
    const file = join(fixture.mountPoint, "f");
    const fd = openSync(file, "w");
    let expected = "";
    for (let round = 0; round < 5; round++) {
      writeSync(fd, `${round}`);
      expected += `${round}`;
      if (round % 2 === 0) fsyncSync(fd);
      await fixture.serving(await fixture.kill());
      assert.equal(readFileSync(file, "utf8"), expected);
    }
    closeSync(fd);
    fixture.killAll();
    await fixture.mount();
    assert.equal(readFileSync(file, "utf8"), expected);
    await fixture.umount();
    await fixture.demandClean();
  });
});
