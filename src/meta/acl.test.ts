import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { aclValue } from "../../test/support/acl-values.ts";
import { CorruptError, FsError } from "../core/fs-error.ts";
import {
  ACL_UNDEFINED_ID,
  AclTag,
  aclGrants,
  chmodAcl,
  decodeAcl,
  decodeStoredAcl,
  encodeAcl,
  equivalentMode,
  inheritAcl,
} from "./acl.ts";

/** What setfacl 2.3.1 -m u:1000:rw left on a file of mode 0644 (ext4, Linux 6.18), read with getxattr(2). */
const GOLDEN = Buffer.from(
  "02000000" +
    "01000600ffffffff" +
    "02000600e8030000" +
    "04000400ffffffff" +
    "10000600ffffffff" +
    "20000400ffffffff",
  "hex",
);
const GOLDEN_TEXT = "u::rw,u:1000:rw,g::r,m::rw,o::r";

function refuses(value: Uint8Array, code: string): void {
  assert.throws(() => decodeAcl(value), { code });
}

describe("an ACL value", () => {
  it("decodes from these bytes", () => {
    assert.deepEqual(decodeAcl(GOLDEN), [
      { tag: AclTag.USER_OBJ, perm: 6, id: ACL_UNDEFINED_ID },
      { tag: AclTag.USER, perm: 6, id: 1000 },
      { tag: AclTag.GROUP_OBJ, perm: 4, id: ACL_UNDEFINED_ID },
      { tag: AclTag.MASK, perm: 6, id: ACL_UNDEFINED_ID },
      { tag: AclTag.OTHER, perm: 4, id: ACL_UNDEFINED_ID },
    ]);
    assert.deepEqual(Buffer.from(aclValue(GOLDEN_TEXT)), GOLDEN);
  });

  it("encodes to what it was decoded from", () => {
    assert.deepEqual(Buffer.from(encodeAcl(decodeStoredAcl(GOLDEN))), GOLDEN);
  });

  it("loses ids that mean nothing", () => {
    const odd = Buffer.from(GOLDEN);
    odd.writeUInt32LE(77, 4 + 4);
    assert.deepEqual(Buffer.from(encodeAcl(decodeStoredAcl(odd))), GOLDEN);
  });

  it("is refused when cut short anywhere, and means no ACL without entries", () => {
    for (let length = 0; length < GOLDEN.length; length++) {
      const short = GOLDEN.subarray(0, length);
      if (length === 0 || length === 4) assert.equal(decodeAcl(short), undefined);
      else refuses(short, "EINVAL");
    }
  });

  it("decodes from noise to what encodes again, or is refused", () => {
    const tags = fc.constantFrom(1, 2, 4, 8, 16, 32, 3);
    const entry = fc.tuple(tags, fc.nat(8), fc.constantFrom(0, 1000, ACL_UNDEFINED_ID));
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc
        .array(entry, { maxLength: 6 })
        .map((list) => encodeAcl(list.map(([tag, perm, id]) => ({ tag, perm, id })))),
    );
    fc.assert(
      fc.property(noise, (value) => {
        let entries;
        try {
          entries = decodeAcl(value);
        } catch (error) {
          assert.ok(error instanceof FsError && ["EINVAL", "EOPNOTSUPP"].includes(error.code));
          return;
        }
        if (entries === undefined) return;
        assert.equal(encodeAcl(entries).length, value.length);
        assert.deepEqual(decodeAcl(encodeAcl(entries)), entries);
      }),
      { numRuns: 2000 },
    );
  });

  it("of another version is EOPNOTSUPP", () => {
    refuses(Buffer.from("01000000", "hex"), "EOPNOTSUPP");
  });

  const invalid: readonly (readonly [why: string, text: string])[] = [
    ["no owner", "g::r,o::r"],
    ["no group", "u::r,o::r"],
    ["no others", "u::r,g::r"],
    ["a mask last", "u::r,g::r,m::r"],
    ["two owners", "u::r,u::r,g::r,o::r"],
    ["two masks", "u::r,g::r,m::r,m::r,o::r"],
    ["two entries for others", "u::r,g::r,o::r,o::r"],
    ["a named user without a mask", "u::r,u:1:r,g::r,o::r"],
    ["a named group without a mask", "u::r,g::r,g:1:r,o::r"],
    ["a named user after the group", "u::r,g::r,u:1:r,m::r,o::r"],
    ["a named group before the group", "u::r,g:1:r,g::r,m::r,o::r"],
    ["the mask before the group", "u::r,m::r,g::r,o::r"],
    ["a named user with the id -1", `u::r,u:${ACL_UNDEFINED_ID}:r,g::r,m::r,o::r`],
    ["a named group with the id -1", `u::r,g::r,g:${ACL_UNDEFINED_ID}:r,m::r,o::r`],
  ];
  for (const [why, text] of invalid) {
    it(`with ${why} is EINVAL`, () => refuses(aclValue(text), "EINVAL"));
  }

  it("with a tag or permissions unknown is EINVAL", () => {
    const tag = Buffer.from(GOLDEN);
    tag.writeUInt16LE(0x40, 4);
    refuses(tag, "EINVAL");
    const perm = Buffer.from(GOLDEN);
    perm.writeUInt16LE(8, 6);
    refuses(perm, "EINVAL");
  });

  it("that is stored and not valid is corruption", () => {
    for (const stored of [aclValue("u::r"), aclValue(""), new Uint8Array(0)]) {
      assert.throws(() => decodeStoredAcl(stored), CorruptError);
    }
  });
});

describe("an ACL and a mode", () => {
  it("are equivalent when there is nobody named and no mask", () => {
    const entries = decodeStoredAcl(aclValue("u::rwx,g::rx,o::x"));
    assert.deepEqual(equivalentMode(entries), { mode: 0o751, minimal: true });
  });

  it("show the mask as the group's bits", () => {
    const entries = decodeStoredAcl(aclValue(GOLDEN_TEXT));
    assert.deepEqual(equivalentMode(entries), { mode: 0o664, minimal: false });
  });

  it("meet in what a new inode inherits: neither grants more than the other", () => {
    const inherited = inheritAcl(aclValue("u::rwx,u:7:rwx,g::rwx,m::rwx,o::rx"), 0o102640);
    assert.equal(inherited.mode, 0o102640);
    assert.deepEqual(inherited.accessAcl, aclValue("u::rw,u:7:rwx,g::rwx,m::r,o::"));
    const narrow = inheritAcl(aclValue("u::r,u:7:rwx,g::rwx,m::x,o::"), 0o777);
    assert.equal(narrow.mode, 0o410);
    assert.deepEqual(narrow.accessAcl, aclValue("u::r,u:7:rwx,g::rwx,m::x,o::"));
  });

  it("leave no access ACL behind when the default one is minimal", () => {
    assert.deepEqual(inheritAcl(aclValue("u::rwx,g::rx,o::"), 0o666), {
      mode: 0o640,
      accessAcl: undefined,
    });
  });

  it("change together on chmod: owner, mask, others", () => {
    const changed = chmodAcl(aclValue("u::rw,u:7:rwx,g::rwx,m::rw,o::r"), 0o100751);
    assert.deepEqual(changed, aclValue("u::rwx,u:7:rwx,g::rwx,m::rx,o::x"));
    const maskless = chmodAcl(aclValue("u::rw,g::rw,o::r"), 0o751);
    assert.deepEqual(maskless, aclValue("u::rwx,g::rx,o::x"));
  });
});

describe("access by an ACL", () => {
  const acl = aclValue("u::rwx,u:7:rw,u:8:,g::r,g:50:rw,g:51:x,m::rx,o::rwx");
  const owningGid = 40;
  const grants = (uid: number, gids: readonly number[], wanted: number): boolean =>
    aclGrants(acl, { uid, gid: gids[0] ?? 99, groups: gids.slice(1) }, owningGid, wanted);

  it("goes by a named user's entry under the mask, whatever the groups say", () => {
    assert.equal(grants(7, [], 4), true);
    assert.equal(grants(7, [], 2), false);
    assert.equal(grants(8, [50, 51], 4), false);
  });

  it("goes by any one group entry that grants all that is wanted, under the mask", () => {
    assert.equal(grants(9, [40], 4), true);
    assert.equal(grants(9, [51], 1), true);
    assert.equal(grants(9, [99, 40, 51], 5), false, "read by one and execute by another");
    assert.equal(grants(9, [50], 2), false, "the mask takes write away");
  });

  it("never falls back to others for who is in some group of the ACL", () => {
    assert.equal(grants(9, [51], 4), false);
    assert.equal(grants(9, [98], 7), true, "others are not limited by the mask");
  });

  it("of a minimal ACL knows no mask", () => {
    const who = { uid: 9, gid: 40, groups: [] };
    assert.equal(aclGrants(aclValue("u::,g::rw,o::"), who, 40, 6), true);
  });

  it("of bytes that are no ACL is corruption", () => {
    const who = { uid: 9, gid: 9, groups: [] };
    for (const bytes of [new Uint8Array(4), aclValue("u::r,g::r"), GOLDEN.subarray(0, 9)]) {
      assert.throws(() => aclGrants(bytes, who, 1, 4), CorruptError);
    }
  });
});
