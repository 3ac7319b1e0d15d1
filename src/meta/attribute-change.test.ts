import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { aclValue } from "../../test/support/acl-values.ts";
import { at, dump, makeCaller, makeSide } from "../../test/support/meta-fixture.ts";
import { ByteReader } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { CorruptError } from "../core/fs-error.ts";
import { toIno } from "../core/ids.ts";
import { ACCESS_ACL_NAME } from "./acl.ts";
import {
  AttributeField,
  ID_UNCHANGED,
  applyAttributeChange,
  decodeAttributeChange,
  encodeAttributeChange,
  modeWithoutSetId,
  prepareAttributeChange,
  type AttributeChange,
  type AttributeRequest,
} from "./attribute-change.ts";
import { FileType, InodeFlag, TIME_SEC_MAX, type Inode } from "./inode.ts";
import type { MetaState } from "./meta-state.ts";
import { CAPABILITY_NAME, putXattr } from "./xattr-store.ts";

const OWNER = makeCaller({ uid: 7, gid: 70, groups: [71], now: at(3000, 9) });
const STRANGER = makeCaller({ uid: 8, gid: 80, now: at(3000, 9) });
const ROOT = makeCaller({ now: at(3000, 9) });
const KERNEL = { ...STRANGER, checkAccess: false };

function makeInode(state: MetaState, mode: number, changes: Partial<Inode> = {}): Inode {
  const inode = state.addInode(toIno(state.nextIno));
  Object.assign(inode, { mode, uid: 7, gid: 70, nlink: 1, ...changes });
  inode.setAllTimes(at(1500, 3));
  return inode;
}

/** The same inode in two states: one changes directly, one from the record. Returns the changed one. */
function change(
  mode: number,
  request: AttributeRequest,
  caller = ROOT,
  prepareInode: (state: MetaState, inode: Inode) => void = () => {},
): Inode {
  const sides = [makeSide(), makeSide()] as const;
  const inodes = sides.map(({ state }) => {
    const inode = makeInode(state, mode);
    prepareInode(state, inode);
    return inode;
  });
  const prepared = prepareAttributeChange(sides[0].state, caller, inodes[0]!, request);
  applyAttributeChange(sides[0].state, inodes[0]!, prepared);
  applyAttributeChange(sides[1].state, inodes[1]!, decode(encode(prepared)));
  assert.deepEqual(dump(sides[1]), dump(sides[0]), "the record has the same effect");
  return inodes[0]!;
}

function refuses(
  mode: number,
  request: AttributeRequest,
  code: string,
  options: { readonly caller?: typeof ROOT; readonly flags?: number } = {},
): void {
  const { state } = makeSide();
  const inode = makeInode(state, mode, { flags: options.flags ?? 0 });
  assert.throws(() => prepareAttributeChange(state, options.caller ?? OWNER, inode, request), {
    code,
  });
}

function encode(value: AttributeChange): Buffer {
  const writer = new ByteWriter({ size: 1, start: 0, sizeMax: 1000 });
  encodeAttributeChange(writer, value);
  return writer.buffer.subarray(0, writer.at);
}

function decode(bytes: Uint8Array): AttributeChange {
  const reader = new ByteReader().open(bytes, 0, bytes.length);
  const decoded = decodeAttributeChange(reader);
  reader.finish();
  return decoded;
}

const FILE = FileType.REGULAR;

const makeCapable = (state: MetaState, inode: Inode): void =>
  putXattr(state, inode, CAPABILITY_NAME, new Uint8Array(20));
const makeAppendOnly = (_: MetaState, inode: Inode): void => {
  inode.flags = InodeFlag.APPEND;
};

describe("chmod", () => {
  it("sets the permission bits and the ctime, and nothing else", () => {
    const inode = change(FILE | 0o644, { mode: 0o7751 });
    assert.equal(inode.mode, FILE | 0o7751);
    assert.deepEqual([inode.ctimeSec, inode.ctimeNsec, inode.mtimeSec], [3000, 9, 1500]);
    assert.equal(change(FILE | 0o644, { mode: FileType.DIRECTORY | 0o600 }).mode, FILE | 0o600);
  });

  it("takes set-gid away from the unprivileged outside of the group", () => {
    assert.equal(change(FILE, { mode: 0o2755 }, OWNER).mode, FILE | 0o2755);
    const outside = { ...OWNER, gid: 1, groups: [] };
    assert.equal(change(FILE, { mode: 0o2755 }, outside).mode, FILE | 0o755);
    assert.equal(change(FILE, { mode: 0o2755 }, KERNEL).mode, FILE | 0o2755, "the kernel did");
    assert.equal(change(FILE, { mode: 0o2755, gid: 71 }, OWNER).mode, FILE | 0o2755);
  });

  it("changes the access ACL with it", () => {
    const inode = change(FILE | 0o664, { mode: 0o640 }, OWNER, (state, { ino }) => {
      const acl = aclValue("u::rw,u:9:rw,g::rw,m::rw,o::r");
      putXattr(state, state.requireInode(ino), ACCESS_ACL_NAME, acl);
    });
    assert.equal(inode.mode, FILE | 0o640);
    const { state } = makeSide();
    const other = makeInode(state, FILE | 0o664);
    putXattr(state, other, ACCESS_ACL_NAME, aclValue("u::rw,u:9:rw,g::rw,m::rw,o::r"));
    const { fields, accessAcl } = prepareAttributeChange(state, OWNER, other, { mode: 0o640 });
    assert.ok(fields & AttributeField.ACCESS_ACL);
    assert.deepEqual(accessAcl, aclValue("u::rw,u:9:rw,g::rw,m::r,o::"));
    other.flags |= InodeFlag.ACCESS_ACL;
    state.tables.xattrs.remove(other.ino, ACCESS_ACL_NAME);
    assert.throws(() => prepareAttributeChange(state, OWNER, other, { mode: 0 }), CorruptError);
  });

  it("is for the owner and the privileged, and never for symlinks", () => {
    refuses(FILE, { mode: 0o600 }, "EPERM", { caller: STRANGER });
    change(FILE, { mode: 0o600 }, KERNEL);
    refuses(FileType.SYMLINK | 0o777, { mode: 0o600 }, "EOPNOTSUPP");
  });
});

describe("chown", () => {
  it("sets owner and group; -1 leaves either", () => {
    const both = change(FILE | 0o644, { uid: 1, gid: 2 });
    assert.deepEqual([both.uid, both.gid, both.ctimeSec], [1, 2, 3000]);
    const one = change(FILE | 0o644, { uid: ID_UNCHANGED, gid: 2 });
    assert.deepEqual([one.uid, one.gid], [7, 2]);
  });

  it("drops set-id bits and capabilities of all but directories, for root too", () => {
    const file = change(FILE | 0o6755, { uid: 1 }, ROOT, makeCapable);
    assert.deepEqual([file.mode, file.flags], [FILE | 0o755, 0]);
    assert.equal(change(FILE | 0o6745, { gid: 1 }).mode, FILE | 0o2745, "not executable");
    const outside = { ...OWNER, gid: 1, groups: [71] };
    assert.equal(change(FILE | 0o6745, { gid: 71 }, outside).mode, FILE | 0o745);
    assert.equal(change(FILE | 0o6755, { uid: ID_UNCHANGED }).mode, FILE | 0o755);
    const directory = FileType.DIRECTORY | 0o6755;
    assert.equal(change(directory, { uid: 1 }).mode, directory);
  });

  it("lets the owner choose one of its groups, and only the privileged another owner", () => {
    assert.equal(change(FILE, { gid: 71, uid: 7 }, OWNER).gid, 71);
    refuses(FILE, { gid: 72 }, "EPERM");
    refuses(FILE, { uid: 8 }, "EPERM");
    refuses(FILE, { gid: 80 }, "EPERM", { caller: STRANGER });
    refuses(FILE, { uid: 7 }, "EPERM", { caller: STRANGER });
    assert.equal(change(FILE, { uid: 8 }, KERNEL).uid, 8);
  });
});

describe("utimes", () => {
  it("sets either time, before 1970 too", () => {
    const inode = change(FILE, { atime: at(-5, 999_999_999), mtime: at(2 ** 35, 1) }, OWNER);
    assert.deepEqual([inode.atimeSec, inode.atimeNsec], [-5, 999_999_999]);
    assert.deepEqual([inode.mtimeSec, inode.mtimeNsec], [2 ** 35, 1]);
    assert.equal(inode.ctimeSec, 3000);
    const now = change(FILE, { mtime: "now", ctime: at(77) }, OWNER);
    assert.deepEqual([now.mtimeSec, now.atimeSec, now.ctimeSec], [3000, 1500, 77]);
  });

  it("moves times that cannot be stored to the nearest that can", () => {
    const inode = change(FILE, { atime: at(-(2 ** 62), 1), mtime: at(2 ** 60, 1) }, OWNER);
    assert.deepEqual([inode.atimeSec, inode.atimeNsec], [-TIME_SEC_MAX, 0]);
    assert.deepEqual([inode.mtimeSec, inode.mtimeNsec], [TIME_SEC_MAX, 0]);
  });

  it("to now is for whoever may write, to anything else for the owner", () => {
    const touch: AttributeRequest = { atime: "now", mtime: "now" };
    change(FILE | 0o602, touch, STRANGER);
    refuses(FILE | 0o604, touch, "EACCES", { caller: STRANGER });
    refuses(FILE | 0o606, { atime: "now" }, "EPERM", { caller: STRANGER });
    refuses(FILE | 0o606, { atime: "now", mtime: at(1) }, "EPERM", { caller: STRANGER });
    change(FILE, { atime: at(1) }, KERNEL);
    change(FILE | 0o000, touch, OWNER);
  });
});

describe("truncate", () => {
  it("sets mtime and ctime without asking for ownership, and drops capabilities", () => {
    const inode = change(FILE | 0o6755, { resizes: true }, STRANGER, (state, { ino }) => {
      putXattr(state, state.requireInode(ino), CAPABILITY_NAME, new Uint8Array(20));
    });
    assert.deepEqual([inode.mtimeSec, inode.ctimeSec, inode.atimeSec], [3000, 3000, 1500]);
    assert.deepEqual([inode.mode, inode.flags], [FILE | 0o6755, 0]);
    assert.equal(change(FILE, { resizes: true, mtime: at(5) }, STRANGER).mtimeSec, 5);
  });

  it("drops set-id bits when the kernel says so", () => {
    const request = { resizes: true, killSuidgid: true };
    assert.equal(change(FILE | 0o6755, request, KERNEL).mode, FILE | 0o755);
    assert.equal(change(FILE | 0o6745, request, KERNEL).mode, FILE | 0o745);
    // Set-group-id of what the group may not execute stays for its members.
    const member = { ...KERNEL, groups: [70] };
    assert.equal(change(FILE | 0o6745, request, member).mode, FILE | 0o2745);
    assert.equal(modeWithoutSetId(FILE | 0o6011), FILE | 0o011);
    assert.equal(modeWithoutSetId(FILE | 0o6700), FILE | 0o2700);
  });
});

describe("changes of what is protected", () => {
  const everything: readonly AttributeRequest[] = [
    { mode: 0o600 },
    { uid: 1 },
    { gid: 70 },
    { atime: at(1) },
    { mtime: "now" },
    { resizes: true },
  ];

  it("are refused, whoever asks; an append-only inode may be touched", () => {
    for (const flags of [InodeFlag.IMMUTABLE, InodeFlag.APPEND]) {
      for (const request of everything) {
        refuses(FILE | 0o666, request, "EPERM", { caller: ROOT, flags });
        refuses(FILE | 0o666, request, "EPERM", { caller: KERNEL, flags });
      }
    }
    const touch: AttributeRequest = { atime: "now", mtime: "now" };
    refuses(FILE | 0o666, touch, "EPERM", { caller: ROOT, flags: InodeFlag.IMMUTABLE });
    assert.equal(change(FILE, touch, OWNER, makeAppendOnly).mtimeSec, 3000);
  });
});

describe("the record of a change", () => {
  const full: AttributeChange = {
    fields: 0xff,
    mode: 0o100644,
    uid: 300,
    gid: 2,
    atime: at(-1, 999_999_999),
    mtime: at(1, 2),
    ctime: at(1_700_000_000, 3),
    accessAcl: new Uint8Array([2, 0, 0, 0]),
  };

  it("has these bytes", () => {
    assert.equal(
      encode(full).toString("hex"),
      "ff a48302 ac02 02 01ffc99a3b 0202000000 80c49fd50c03000000 0402000000".replaceAll(" ", ""),
    );
    assert.equal(encode({ ...full, fields: AttributeField.UID }).toString("hex"), "02ac02");
    assert.equal(encode({ ...full, fields: 0 }).toString("hex"), "00");
  });

  it("decodes to what was encoded", () => {
    assert.deepEqual(decode(encode(full)), full);
  });

  it("is refused when cut short anywhere", () => {
    const bytes = encode(full);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decode(bytes.subarray(0, length)), CorruptError);
    }
  });

  it("decodes from noise, or is refused as corrupt", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        try {
          const decoded = decode(noise);
          assert.deepEqual(decode(encode(decoded)), decoded);
        } catch (error) {
          assert.ok(error instanceof CorruptError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
