/** Two mounts of one volume that start at the same moment. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MountFixture, runShoal, skipWithoutMount } from "../support/mount-fixture.ts";

describe("two mounts of one volume at once", skipWithoutMount(), () => {
  it("are one, which goes on with what it was told itself", async () => {
    await using fixture = await MountFixture.create({ name: "race" });
    const { base, stateDirectory, volumeRoot } = fixture;
    const points = [fixture.mountPoint, join(base, "other")];
    mkdirSync(points[1]!);
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all(
        points.map((point) =>
          runShoal(["mount", "--state-dir", stateDirectory, volumeRoot, point]),
        ),
      );
      const winners = points.filter((_, index) => results[index]!.code === 0);
      assert.equal(winners.length, 1, results.map(({ stderr }) => stderr).join(""));
      const refusal = results.find(({ code }) => code !== 0)!.stderr;
      assert.match(refusal, /is mounted on .* by process \d+/u);
      const config = readFileSync(join(stateDirectory, "mount.json"), "utf8");
      assert.equal((JSON.parse(config) as { mountPoint: string }).mountPoint, winners[0]);
      assert.equal((await runShoal(["umount", winners[0]!])).code, 0);
      const left = readdirSync(stateDirectory).filter((name) => name.startsWith("mount.json."));
      assert.deepEqual(left, []);
    }
    await fixture.demandClean();
  });
});
