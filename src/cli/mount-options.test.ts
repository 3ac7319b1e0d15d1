import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { completeSettings, parseMountOptions } from "./mount-options.ts";

const settingsOf = (...lists: string[]) => completeSettings(parseMountOptions(lists).changes);

describe("the options of mount(8)", () => {
  it("leave nodev and nosuid on, and everything else at its default, when none is given", () => {
    assert.deepEqual(settingsOf(), {
      readOnly: false,
      allowOther: false,
      acl: false,
      writeback: false,
      durability: undefined,
      cacheSize: undefined,
      memorySize: undefined,
      stateDirectory: undefined,
      metricsPort: undefined,
      kernelOptions: ["nodev", "nosuid"],
    });
  });

  it("set what they name, with hyphens or underscores", () => {
    const settings = settingsOf(
      "ro,allow_other,cache_size=4G,memory=256M",
      "durability=memory,state-dir=/var/s,metrics=9100,acl,writeback",
    );
    assert.equal(settings.readOnly, true);
    assert.equal(settings.allowOther, true);
    assert.equal(settings.cacheSize, 4 * 1024 ** 3);
    assert.equal(settings.memorySize, 256 * 1024 ** 2);
    assert.equal(settings.durability, "memory");
    assert.equal(settings.stateDirectory, "/var/s");
    assert.equal(settings.metricsPort, 9100);
    assert.equal(settings.acl, true);
    assert.equal(settings.writeback, true);
  });

  it("count when they come later, within one list and across lists", () => {
    assert.equal(settingsOf("ro,rw").readOnly, false);
    assert.equal(settingsOf("rw", "ro").readOnly, true);
    assert.deepEqual(settingsOf("dev,nodev,suid").kernelOptions, ["nodev", "suid"]);
    const both = completeSettings(
      parseMountOptions(["noexec,noatime"]).changes,
      parseMountOptions(["exec"]).changes,
    );
    assert.deepEqual(both.kernelOptions, ["nodev", "nosuid", "noatime"]);
  });

  it("hand dev and suid to the kernel only when they are asked for", () => {
    assert.deepEqual(settingsOf("dev,suid").kernelOptions, ["dev", "suid"]);
    assert.deepEqual(settingsOf("noatime,nodiratime,lazytime,nosymfollow").kernelOptions, [
      "nodev",
      "nosuid",
      "noatime",
      "nodiratime",
      "lazytime",
      "nosymfollow",
    ]);
  });

  it("that speak to mount(8), systemd or nobody are passed over", () => {
    const passed =
      "defaults,_netdev,nofail,noauto,user,users,default_permissions,x-systemd.automount,X-mount.mkdir=0755,comment=mine";
    assert.deepEqual(settingsOf(passed), settingsOf());
  });

  it("that nobody knows are refused by name, or told of when mount(8) is sloppy", () => {
    assert.throws(() => parseMountOptions(["ro,bogus=3"]), {
      name: "UsageError",
      message: /bogus=3/u,
    });
    assert.throws(() => parseMountOptions(["sync"]), { message: /sync/u });
    const unknown: string[] = [];
    const { changes } = parseMountOptions(["bogus,ro"], (option) => unknown.push(option));
    assert.deepEqual(unknown, ["bogus"]);
    assert.deepEqual(changes, { readOnly: true });
  });

  it("with a wrong value, a missing one or one too many are refused", () => {
    for (const option of [
      "cache_size",
      "cache_size=much",
      "durability=always",
      "durability=bucket",
      "metrics=0",
      "metrics=70000",
      "state_dir=here",
      "ro=1",
    ]) {
      assert.throws(() => parseMountOptions([option]), { name: "UsageError" }, option);
    }
    assert.throws(() => parseMountOptions(["constructor"]), { name: "UsageError" });
    assert.throws(() => parseMountOptions(["toString=1"]), { name: "UsageError" });
  });

  it("of a remount say only what they name", () => {
    assert.deepEqual(parseMountOptions(["remount,ro"]), {
      isRemount: true,
      changes: { readOnly: true },
    });
  });
});
