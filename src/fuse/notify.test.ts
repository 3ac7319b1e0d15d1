import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { ERRNO } from "../core/fs-error.ts";
import { decodeOutHeader, newOutHeader } from "./abi/header.ts";
import {
  decodeNotifyDeleteOut,
  decodeNotifyInvalEntryOut,
  decodeNotifyInvalInodeOut,
  decodeNotifyPruneOut,
  decodeNotifyRetrieveOut,
  decodeNotifyStoreOut,
  newNotifyDeleteOut,
  newNotifyInvalEntryOut,
  newNotifyInvalInodeOut,
  newNotifyPruneOut,
  newNotifyRetrieveOut,
  newNotifyStoreOut,
} from "./abi/notify.ts";
import { NotifyCode } from "./abi/opcode.ts";
import { MemoryChannel } from "./channel.ts";
import { notify } from "./notifier.ts";
import { NotificationWriter, PRUNE_COUNT_MAX } from "./notify.ts";

let channel: MemoryChannel;
let writer: NotificationWriter;

beforeEach(() => {
  channel = new MemoryChannel();
  writer = new NotificationWriter(channel);
});

function sent(code: number): DataView {
  const bytes = channel.replies.at(-1)!;
  const view = new DataView(bytes.buffer);
  const header = decodeOutHeader(view, 0, newOutHeader());
  assert.deepEqual(header, { size: bytes.length, error: code, uniqueLow: 0, uniqueHigh: 0 });
  return view;
}

function text(view: DataView, at: number): string {
  return Buffer.from(view.buffer, at).toString("latin1");
}

describe("a notification", () => {
  it("drops an inode's attributes, or its pages", () => {
    const range = { ino: 2 ** 40, offset: -1, length: 0 };
    assert.equal(writer.invalInode(range), 0);
    const view = sent(NotifyCode.INVAL_INODE);
    assert.deepEqual(decodeNotifyInvalInodeOut(view, 16, newNotifyInvalInodeOut()), range);
    assert.equal(view.byteLength, 40);
  });

  it("drops or expires a name", () => {
    writer.invalEntry({ parent: 7, name: "\xe9t\xe9" }, 1);
    const view = sent(NotifyCode.INVAL_ENTRY);
    const out = decodeNotifyInvalEntryOut(view, 16, newNotifyInvalEntryOut());
    assert.deepEqual(out, { parent: 7, namelen: 3, flags: 1 });
    assert.equal(text(view, 32), "\xe9t\xe9\0");
  });

  it("deletes a name", () => {
    writer.delete({ parent: 7, name: "gone" }, 9);
    const view = sent(NotifyCode.DELETE);
    const out = decodeNotifyDeleteOut(view, 16, newNotifyDeleteOut());
    assert.deepEqual(out, { parent: 7, child: 9, namelen: 4 });
    assert.equal(text(view, 40), "gone\0");
  });

  it("stores pages, more than the first buffer holds", () => {
    const data = new Uint8Array(100_000).fill(7);
    writer.store(5, 4096, data);
    const view = sent(NotifyCode.STORE);
    const out = decodeNotifyStoreOut(view, 16, newNotifyStoreOut());
    assert.deepEqual(out, { nodeid: 5, offset: 4096, size: data.length });
    assert.deepEqual(new Uint8Array(view.buffer, 40), data);
  });

  it("asks for pages", () => {
    writer.retrieve(2 ** 33 + 1, { nodeid: 5, offset: 8, size: 16 });
    const out = decodeNotifyRetrieveOut(sent(NotifyCode.RETRIEVE), 16, newNotifyRetrieveOut());
    const range = { nodeid: 5, offset: 8, size: 16 };
    assert.deepEqual(out, { notifyUniqueLow: 1, notifyUniqueHigh: 2, ...range });
  });

  it("prunes inodes", () => {
    writer.prune([3, 2 ** 35]);
    const view = sent(NotifyCode.PRUNE);
    assert.deepEqual(decodeNotifyPruneOut(view, 16, newNotifyPruneOut()), { count: 2 });
    assert.deepEqual([view.getUint32(32, true), view.getUint32(44, true)], [3, 8]);
    const many = new Float64Array(PRUNE_COUNT_MAX + 1);
    assert.throws(() => writer.prune(many), { code: "EINVAL" });
  });

  it("is a bare header for resend and a new epoch, and has the key for a poll", () => {
    writer.resend();
    assert.equal(sent(NotifyCode.RESEND).byteLength, 16);
    writer.incEpoch();
    assert.equal(sent(NotifyCode.INC_EPOCH).byteLength, 16);
    writer.pollWakeup(1, 2);
    assert.equal(sent(NotifyCode.POLL).getUint32(20, true), 2);
  });

  it("hands back what the kernel says", () => {
    channel.refusals.push(-ERRNO.ENOTEMPTY);
    assert.equal(writer.delete({ parent: 7, name: "x" }, 9), -ERRNO.ENOTEMPTY);
  });
});

describe("the notifier", () => {
  it("does each kind of message and answers by its id", () => {
    assert.deepEqual(notify(writer, { id: 4, kind: "incEpoch" }), { id: 4, result: 0 });
    channel.refusals.push(-ERRNO.ENOENT);
    const message = { id: 5, kind: "invalEntry", parent: 1, name: "x" } as const;
    assert.deepEqual(notify(writer, message), { id: 5, result: -ERRNO.ENOENT });
  });

  it("finds which inodes the kernel lacks, and counts no other error as absence (J8)", () => {
    const answers = [0, -ERRNO.ENOENT, -ERRNO.EIO, -ERRNO.ENOENT];
    let asked = 0;
    const probing = new NotificationWriter({
      read: () => 0,
      write: (bytes, size) => {
        const answer = answers[asked++]!;
        return answer === 0 ? size : answer;
      },
    });
    const inos = Float64Array.of(10, 11, 12, 13);
    assert.deepEqual(notify(probing, { id: 1, kind: "probe", inos }), {
      id: 1,
      result: -ERRNO.EIO,
      absent: Float64Array.of(11, 13),
    });
  });
});
