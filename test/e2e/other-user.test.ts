/** A user who is not root, through fusermount3. Runs as root, to be able to become one; a skip says why not. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { demandSuccess } from "../support/mount-fixture.ts";
import { OTHER_UID, OtherUser, reasonForNoOtherUser } from "../support/other-user.ts";

const reason = reasonForNoOtherUser();

describe(
  "a user without root's rights",
  { ...(reason === undefined ? {} : { skip: reason }) },
  () => {
    let user: OtherUser;
    let mountPoint = "";

    beforeEach(async () => {
      user = await OtherUser.create();
      mountPoint = join(user.home, "mnt");
      demandSuccess(await user.run(["mkdir", mountPoint]));
    });
    afterEach(async () => {
      await user?.[Symbol.asyncDispose]();
    });

    it("mounts the default volume, owns what they write, and finds it again", async () => {
      demandSuccess(await user.shoal(["mount", mountPoint]));
      demandSuccess(
        await user.run(["sh", "-c", `echo kept > ${mountPoint}/a && sync ${mountPoint}/a`]),
      );
      const owner = await user.run(["stat", "-c", "%u:%g %n", join(mountPoint, "a")]);
      assert.equal(owner.stdout, `${OTHER_UID}:${OTHER_UID} ${mountPoint}/a\n`);
      // Root is somebody else to such a mount.
      assert.notEqual((await user.asRoot(["ls", mountPoint])).code, 0);
      demandSuccess(await user.shoal(["umount", mountPoint]));
      assert.equal((await user.run(["ls", mountPoint])).stdout, "");
      demandSuccess(await user.shoal(["fsck"]));
      demandSuccess(await user.shoal(["mount", mountPoint]));
      assert.equal((await user.run(["cat", join(mountPoint, "a")])).stdout, "kept\n");
      demandSuccess(await user.shoal(["umount", mountPoint]));
    });

    it("goes on after the volume process was killed", async () => {
      demandSuccess(await user.shoal(["mount", mountPoint]));
      demandSuccess(await user.run(["sh", "-c", `echo before > ${mountPoint}/a`]));
      const status = await user.shoal(["status", "--json", mountPoint]);
      demandSuccess(status);
      const { volumes } = JSON.parse(status.stdout) as { volumes: { volumePid: number }[] };
      process.kill(volumes[0]!.volumePid, "SIGKILL");
      assert.equal((await user.run(["cat", join(mountPoint, "a")])).stdout, "before\n");
      demandSuccess(await user.shoal(["umount", mountPoint]));
    });

    it("gets rid of a mount whose processes were all killed, and has everything again", async () => {
      const file = join(mountPoint, "a");
      demandSuccess(await user.shoal(["mount", mountPoint]));
      demandSuccess(await user.run(["sh", "-c", `echo before > ${file}`]));
      // All of this user's.
      await user.run(["sh", "-c", "kill -KILL -1"]);
      assert.match((await user.run(["cat", file])).stderr, /not connected|abort/u);
      demandSuccess(await user.shoal(["mount", mountPoint]));
      assert.equal((await user.run(["cat", file])).stdout, "before\n");
      await user.run(["sh", "-c", "kill -KILL -1"]);
      const cleared = await user.shoal(["umount", mountPoint]);
      assert.match(cleared.stderr, /was not drained: its processes are gone/u);
      assert.equal((await user.run(["mountpoint", "-q", mountPoint])).code, 32);
      demandSuccess(await user.shoal(["mount", mountPoint]));
      assert.equal((await user.run(["cat", file])).stdout, "before\n");
      demandSuccess(await user.shoal(["umount", mountPoint]));
    });

    it("is told what --allow-other wants, and gets no mount", async () => {
      const result = await user.shoal(["mount", "--allow-other", mountPoint]);
      assert.equal(result.code, 1);
      assert.match(result.stderr, /user_allow_other in \/etc\/fuse\.conf/);
      assert.equal((await user.run(["mountpoint", "-q", mountPoint])).code, 32);
    });

    it("is told that fusermount3 is missing, and what to install", async () => {
      const result = await user.shoal(["mount", mountPoint], { PATH: user.home });
      assert.equal(result.code, 1);
      assert.match(result.stderr, /fusermount3 is not installed\n.*apt-get install fuse3/);
      assert.equal((await user.run(["mountpoint", "-q", mountPoint])).code, 32);
    });

    it("is told what a user id without an account lacks", async () => {
      await using nobody = await OtherUser.create({ hasAccount: false });
      demandSuccess(await nobody.run(["mkdir", join(nobody.home, "mnt")]));
      const result = await nobody.shoal(["mount", join(nobody.home, "mnt")]);
      assert.equal(result.code, 1);
      assert.match(result.stderr, /has no account/);
    });

    it("may not mount over a directory of somebody else's, and is told so", async () => {
      const result = await user.shoal(["mount", "/usr"]);
      assert.equal(result.code, 1);
      assert.match(result.stderr, /\/usr/);
    });
  },
);
