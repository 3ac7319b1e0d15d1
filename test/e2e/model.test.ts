/**
 * Random commands on a mount and on the model, with the kernel and its caches in between.
 *
 * SHOAL_MODEL_SEED and SHOAL_MODEL_COMMANDS choose other seeds and another length.
 */
import { after, before, describe, it } from "node:test";
import { runAgainstModel } from "../model/run-against-model.ts";
import { mountModelRun } from "../support/mount-model.ts";
import { MountFixture, skipWithoutMount } from "../support/mount-fixture.ts";

const SEEDS = (process.env["SHOAL_MODEL_SEED"] ?? "1,2,3").split(",").map(Number);
const COMMAND_COUNT = Number(process.env["SHOAL_MODEL_COMMANDS"] ?? 1500);

for (const acl of [false, true]) {
  describe(`the model against a mount ${acl ? "with" : "without"} ACLs`, skipWithoutMount(), () => {
    let fixture: MountFixture;

    before(async () => {
      fixture = await MountFixture.mounted({
        name: "model",
        create: acl ? ["--acl"] : [],
        mount: ["--allow-other", "-o", "dev,suid"],
      });
    });
    after(() => fixture?.remove());

    for (const seed of SEEDS) {
      it(`agrees on ${COMMAND_COUNT} random commands, seed ${seed}`, () => {
        runAgainstModel(
          mountModelRun({ seed, commandCount: COMMAND_COUNT, directory: fixture.mountPoint }),
        );
      });
    }

    it("leaves a clean volume", async () => {
      await fixture.umount();
      await fixture.demandClean();
    });
  });
}
