import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ERRNO } from "../core/fs-error.ts";
import { InitFlag, InitFlag2 } from "./abi/flags.ts";
import {
  decodeInitOut,
  encodeInitIn,
  INIT_IN_SIZE,
  newInitIn,
  newInitOut,
  type InitIn,
} from "./abi/init.ts";
import { Opcode } from "./abi/opcode.ts";
import { MemoryChannel } from "./channel.ts";
import { answerInit, negotiate, type Session, type SessionOptions } from "./init.ts";
import { Reply } from "./reply.ts";
import { Request } from "./request.ts";
import { encoded, makeRequest } from "../../test/support/fuse-requests.ts";

const ALL = 0xffff_ffff;

function kernel(parts: Partial<InitIn> = {}): InitIn {
  return {
    ...newInitIn(),
    major: 7,
    minor: 45,
    maxReadahead: 131_072,
    flags: ALL,
    flags2: ALL,
    ...parts,
  };
}

function namesOf(table: Readonly<Record<string, number>>, bits: number): string[] {
  return Object.keys(table).filter((name) => (bits & (table[name] ?? 0)) !== 0);
}

describe("the negotiation", () => {
  it("takes exactly the listed flags of a kernel that offers all", () => {
    const { out } = negotiate(kernel(), {});
    assert.deepEqual(namesOf(InitFlag, out.flags), [
      "ASYNC_READ",
      "EXPORT_SUPPORT",
      "BIG_WRITES",
      "DONT_MASK",
      "DO_READDIRPLUS",
      "READDIRPLUS_AUTO",
      "NO_OPEN_SUPPORT",
      "PARALLEL_DIROPS",
      "MAX_PAGES",
      "CACHE_SYMLINKS",
      "NO_OPENDIR_SUPPORT",
      "EXPLICIT_INVAL_DATA",
      "HANDLE_KILLPRIV_V2",
      "SETXATTR_EXT",
      "INIT_EXT",
    ]);
    assert.deepEqual(namesOf(InitFlag2, out.flags2), [
      "SECURITY_CTX",
      "CREATE_SUPP_GROUP",
      "HAS_EXPIRE_ONLY",
      "HAS_RESEND",
    ]);
    assert.equal(out.maxWrite, 1_048_576);
    assert.equal(out.maxPages, 256);
    assert.equal(out.maxBackground, 64);
    assert.equal(out.timeGran, 1);
    assert.equal(out.maxReadahead, 131_072);
  });

  it("takes ACLs and write-back only when told to", () => {
    const { session } = negotiate(kernel(), { acl: true, writeback: true });
    const extra = InitFlag.POSIX_ACL | InitFlag.WRITEBACK_CACHE;
    assert.equal(session.flags & extra, extra);
  });

  it("takes nothing that the kernel does not offer", () => {
    const { session } = negotiate(kernel({ flags: InitFlag.ASYNC_READ }), { acl: true });
    assert.equal(session.flags, InitFlag.ASYNC_READ);
    assert.equal(session.flags2, 0, "without INIT_EXT there are no upper flags");
  });

  it("speaks the older of the two minor versions", () => {
    assert.equal(negotiate(kernel({ minor: 31 }), {}).session.minor, 31);
    assert.equal(negotiate(kernel({ minor: 99 }), {}).session.minor, 45);
  });

  it("refuses a kernel before 7.31, and says which is needed", () => {
    assert.throws(() => negotiate(kernel({ minor: 30 }), {}), {
      code: "EPROTO",
      message: "this kernel speaks FUSE 7.30; 7.31 (Linux 5.4) or newer is needed",
    });
  });

  it("refuses a largest WRITE that is no number of pages up to 1 MiB", () => {
    for (const maxWrite of [0, 4095, 5000, 2 ** 21])
      assert.throws(() => negotiate(kernel(), { maxWrite }), { code: "EINVAL" });
    assert.equal(negotiate(kernel(), { maxWrite: 131_072 }).out.maxPages, 32);
  });

  it("gives a session that survives JSON", () => {
    const { session } = negotiate(kernel(), {});
    assert.deepEqual(JSON.parse(JSON.stringify(session)), session);
  });
});

describe("the answer to INIT", () => {
  it("is INIT's layout, for the long form and for the short one before 7.36", () => {
    const long = encoded(INIT_IN_SIZE, encodeInitIn, kernel());
    for (const body of [long, long.subarray(0, 16)]) {
      const { session, replies } = answer(body, {});
      const out = decodeInitOut(new DataView(replies[0]!.buffer), 16, newInitOut());
      assert.equal(out.flags >>> 0, session!.flags >>> 0);
      assert.equal(session!.flags2, body.length === 16 ? 0 : out.flags2);
    }
  });

  it("names our version to a newer kernel and waits for its next INIT", () => {
    const { session, replies } = answer(
      encoded(INIT_IN_SIZE, encodeInitIn, kernel({ major: 8 })),
      {},
    );
    assert.equal(session, undefined);
    assert.equal(decodeInitOut(new DataView(replies[0]!.buffer), 16, newInitOut()).major, 7);
  });

  it("tells a kernel that is too old before it throws", () => {
    const channel = new MemoryChannel();
    const old = encoded(INIT_IN_SIZE, encodeInitIn, kernel({ minor: 23 }));
    assert.throws(() => answer(old, {}, channel), { code: "EPROTO" });
    assert.equal(new DataView(channel.replies[0]!.buffer).getInt32(4, true), -ERRNO.EPROTO);
  });
});

function answer(
  body: Uint8Array,
  options: SessionOptions,
  channel: MemoryChannel = new MemoryChannel(),
): { session: Session | undefined; replies: Uint8Array[] } {
  const request = new Request(new Uint8Array(8192));
  const bytes = makeRequest({ opcode: Opcode.INIT, parts: [body] });
  request.bytes.set(bytes);
  request.decode(bytes.length);
  const session = answerInit(request, new Reply(channel, new Uint8Array(8192)), options);
  return { session, replies: channel.replies };
}
