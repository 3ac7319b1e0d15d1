/** `shoal mount --foreground`: says when it is ready, and ends in order with its terminal. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { MountFixture, skipWithoutMount } from "../support/mount-fixture.ts";

const MAIN = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");

describe("a mount in the foreground", skipWithoutMount(), () => {
  for (const signal of ["SIGINT", "SIGHUP"] as const) {
    it(`stores everything and unmounts at ${signal}`, async () => {
      await using fixture = await MountFixture.create({ name: "foreground" });
      const { volumeRoot, mountPoint, stateDirectory } = fixture;
      const args = ["mount", "--foreground", "--state-dir", stateDirectory, volumeRoot, mountPoint];
      const child = spawn(process.execPath, [MAIN, ...args], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      const ended = once(child, "exit");
      const [line] = (await once(createInterface(child.stdout), "line")) as [string];
      assert.equal(line, `file://${volumeRoot} is mounted on ${mountPoint}`);
      writeFileSync(join(mountPoint, "f"), "stored");
      child.kill(signal);
      assert.deepEqual(await ended, [0, null]);
      await fixture.demandClean();
      await fixture.mount();
      assert.equal(readFileSync(join(mountPoint, "f"), "utf8"), "stored");
    });
  }
});
