import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  fromChattrFlags,
  fromExtendedFlags,
  toChattrFlags,
  toExtendedFlags,
} from "./chattr-flags.ts";
import { CHATTR_FLAGS, InodeFlag } from "./inode.ts";

describe("chattr flags", () => {
  it("come back as they were from FS_IOC_SETFLAGS", () => {
    assert.equal(fromChattrFlags(toChattrFlags(CHATTR_FLAGS)), CHATTR_FLAGS);
    assert.equal(toChattrFlags(InodeFlag.IMMUTABLE | InodeFlag.NOATIME), 0x90);
  });

  it("come back from FS_IOC_FSSETXATTR but for DIRSYNC, which it has no bit for", () => {
    const kept = CHATTR_FLAGS & ~InodeFlag.DIRSYNC;
    assert.equal(fromExtendedFlags(toExtendedFlags(CHATTR_FLAGS)), kept);
    assert.equal(toExtendedFlags(InodeFlag.APPEND | InodeFlag.PROJINHERIT), 0x210);
  });

  it("leave out what the engine remembers for itself", () => {
    assert.equal(toChattrFlags(InodeFlag.XATTR | InodeFlag.LINKABLE), 0);
  });

  it("are taken with ext4's extent flag and refused with any other", () => {
    assert.equal(fromChattrFlags(0x8_0010), InodeFlag.IMMUTABLE);
    assert.throws(() => fromChattrFlags(0x4), { code: "EOPNOTSUPP" });
    assert.throws(() => fromExtendedFlags(0x8000_0000), { code: "EOPNOTSUPP" });
  });
});
