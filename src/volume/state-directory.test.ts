import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { FilesystemMagic, filesystemMagic } from "../sys/mount.ts";
import { defaultStateDirectory, refuseMountOver, StateDirectory } from "./state-directory.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-state-"));
});
after(() => rmSync(folder, { recursive: true }));

describe("StateDirectory", () => {
  it("makes the directory for the user alone and finds it again", () => {
    const path = join(folder, "deep", "one");
    const made = StateDirectory.open({ path, volume: "v1", level: "disk" });
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.equal(made.path, path);
    assert.deepEqual(JSON.parse(readFileSync(join(path, "state.json"), "utf8")), {
      format: 1,
      volume: "v1",
    });
    for (const name of [made.journal, made.staging, made.cache, made.run])
      assert.equal(existsSync(name), true);
    assert.equal(StateDirectory.open({ path, volume: "v1", level: "disk" }).volume, "v1");
    assert.equal(StateDirectory.peek(path)?.volume, "v1");
    assert.equal(StateDirectory.peek(join(folder, "nothing")), undefined);
  });

  it("takes the rights of others away from a directory that was there", () => {
    const path = join(folder, "open");
    mkdirSync(path, { mode: 0o755 });
    StateDirectory.open({ path, volume: "v1", level: "disk" });
    assert.equal(statSync(path).mode & 0o777, 0o700);
  });

  it("resolves symbolic links, so that one directory has one name", () => {
    mkdirSync(join(folder, "real"));
    symlinkSync(join(folder, "real"), join(folder, "link"));
    const made = StateDirectory.open({ path: join(folder, "link"), volume: "v1", level: "disk" });
    assert.equal(made.path, join(folder, "real"));
  });

  it("refuses the directory of another volume and names both", () => {
    const path = join(folder, "other");
    StateDirectory.open({ path, volume: "v1", level: "disk" });
    assert.throws(() => StateDirectory.open({ path, volume: "v2", level: "disk" }), {
      code: "EEXIST",
      message: /belongs to volume v1, not v2; choose another with --state-dir/,
    });
  });

  it("refuses a directory that holds something else", () => {
    const path = join(folder, "documents");
    mkdirSync(path);
    writeFileSync(join(path, "thesis.tex"), "");
    assert.throws(() => StateDirectory.open({ path, volume: "v1", level: "disk" }), {
      code: "ENOTEMPTY",
      message: /thesis\.tex/,
    });
    assert.equal(existsSync(join(path, "state.json")), false);
  });

  it("refuses a state.json that is damaged or of a newer version, and leaves it alone", () => {
    const path = join(folder, "damaged");
    StateDirectory.open({ path, volume: "v1", level: "disk" });
    const file = join(path, "state.json");
    for (const text of ["", "{", "null", "[]", '{"format":2,"volume":"v1"}', '{"format":1}']) {
      writeFileSync(file, text);
      assert.throws(() => StateDirectory.open({ path, volume: "v1", level: "disk" }), {
        code: "EIO",
      });
      assert.equal(readFileSync(file, "utf8"), text);
    }
  });

  it("refuses a file in the directory's place", () => {
    const path = join(folder, "file");
    writeFileSync(path, "");
    assert.throws(() => StateDirectory.open({ path, volume: "v1", level: "disk" }), {
      code: "ENOTDIR",
    });
  });

  it("refuses a disk without room for a cut and a recovery", () => {
    const path = join(folder, "full");
    const wanted = { path, volume: "v1", level: "disk", freeSizeMin: 2 ** 52 } as const;
    assert.throws(() => StateDirectory.open(wanted), {
      code: "ENOSPC",
      message: /has \d+ MiB free and at least \d+ are needed/,
    });
  });

  it("refuses tmpfs at level disk, and takes it at level memory", (t) => {
    const shm = "/dev/shm";
    if (!existsSync(shm) || filesystemMagic(shm) !== FilesystemMagic.TMPFS)
      return t.skip("no tmpfs at /dev/shm");
    const path = mkdtempSync(join(shm, "shoal-state-"));
    try {
      assert.throws(() => StateDirectory.open({ path, volume: "v1", level: "disk" }), {
        code: "EINVAL",
        message: /tmpfs, which a reboot empties/,
      });
      const wanted = { path, volume: "v1", level: "memory", freeSizeMin: 0 } as const;
      assert.equal(StateDirectory.open(wanted).volume, "v1");
    } finally {
      rmSync(path, { recursive: true });
    }
  });

  it("says what to do when the place cannot be written", () => {
    assert.throws(
      () => StateDirectory.open({ path: "/proc/shoal/state", volume: "v1", level: "disk" }),
      { message: /making the state directory \/proc\/shoal\/state/ },
    );
  });
});

describe("default places", () => {
  it("follow XDG, and /var/lib for root", () => {
    const env = { HOME: "/home/u", XDG_STATE_HOME: "/s", XDG_DATA_HOME: "relative" };
    assert.equal(defaultStateDirectory({ env, uid: 1000 }, "id"), "/s/shoal/id");
    assert.equal(
      defaultStateDirectory({ env: { HOME: "/home/u" }, uid: 1000 }, "id"),
      "/home/u/.local/state/shoal/id",
    );
    assert.equal(defaultStateDirectory({ env, uid: 0 }, "id"), "/var/lib/shoal/id");
    assert.throws(() => defaultStateDirectory({ env: {}, uid: 1000 }, "id"), { code: "EINVAL" });
  });
});

describe("refuseMountOver", () => {
  it("refuses a mount point above what the mount needs, and no other", () => {
    const state = join(folder, "above", "state");
    mkdirSync(state, { recursive: true });
    mkdirSync(join(folder, "above-not"));
    assert.throws(() => refuseMountOver(join(folder, "above"), state, "the state directory"), {
      code: "EINVAL",
      message: /the state directory .* lies under the mount point/,
    });
    assert.throws(() => refuseMountOver(state, state, "x"), { code: "EINVAL" });
    refuseMountOver(join(folder, "above-not"), state, "x");
  });

  it("refuses a mount point inside of it", () => {
    const state = join(folder, "state");
    mkdirSync(join(state, "inside"), { recursive: true });
    assert.throws(() => refuseMountOver(join(state, "inside"), state, "the state directory"), {
      code: "EINVAL",
      message: /inside lies inside the state directory/,
    });
  });
});
