import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MessagePort } from "node:worker_threads";
import { toIno } from "../../core/ids.ts";
import type { NotifierMessage } from "../../fuse/notifier.ts";
import type { Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import {
  DEFERRED_COUNT,
  DEFERRED_ENTRY_SIZE,
  DeferredKind,
  DeferredTable,
} from "../deferred-table.ts";
import { LateIoctls } from "./late-ioctls.ts";

const REQUEST = { uniqueLow: 7, uniqueHigh: 1, uid: 1, gid: 2, pid: 3 } as Request;
/** fuse_out_header of 32 bytes without an error for that request, and a fuse_ioctl_out of zeros. */
const ANSWER = `20000000000000000700000001000000${"00".repeat(16)}`;

function makeWorld(): {
  readonly sent: string[];
  readonly told: NotifierMessage[];
  readonly answers: string[];
  readonly deferred: DeferredTable;
  readonly reply: Reply;
  make(): LateIoctls;
} {
  const sent: string[] = [];
  const told: NotifierMessage[] = [];
  const answers: string[] = [];
  const deferred = new DeferredTable(new ArrayBuffer(DEFERRED_COUNT * DEFERRED_ENTRY_SIZE), 0);
  const channel = {
    read: () => 0,
    write: (bytes: Uint8Array, size: number) => {
      sent.push(Buffer.from(bytes.subarray(0, size)).toString("hex"));
      return size;
    },
  };
  const port = { postMessage: (message: NotifierMessage) => told.push(message) };
  const reply = {
    defer: () => void answers.push("later"),
    ioctl: (result: number, size: number) => void answers.push(`${result} ${size}`),
  };
  return {
    sent,
    told,
    answers,
    deferred,
    reply: reply as unknown as Reply,
    make: () => new LateIoctls({ channel, port: port as unknown as MessagePort, deferred }),
  };
}

describe("an ioctl that changed attributes", () => {
  it("is answered when the kernel has dropped what it kept, and not before", () => {
    const { sent, told, answers, deferred, reply, make } = makeWorld();
    const ioctls = make();
    ioctls.answer(REQUEST, reply, toIno(12));
    assert.deepEqual(answers, ["later"]);
    assert.partialDeepStrictEqual(told, [{ kind: "invalInode", ino: 12, offset: -1 }]);
    ioctls.receive({ id: 1, result: 0 });
    assert.deepEqual([sent, deferred.count], [[], 1]);
    ioctls.receive({ id: told[0]!.id, result: 0 });
    assert.deepEqual([sent, deferred.count], [[ANSWER], 0]);
    ioctls.receive({ id: told[0]!.id, result: 0 });
    assert.equal(sent.length, 1);
  });

  it("is answered by the next process when this one is killed", () => {
    const { sent, told, deferred, reply, make } = makeWorld();
    make().answer(REQUEST, reply, toIno(12));
    const entry = deferred.get(0)!;
    assert.equal(entry.kind, DeferredKind.IOCTL);
    const next = make();
    next.resume(entry, 0);
    assert.partialDeepStrictEqual(told[1], { kind: "invalInode", ino: 12 });
    next.receive({ id: told[1]!.id, result: 0 });
    assert.deepEqual([sent, deferred.count], [[ANSWER], 0]);
  });

  it("is answered at once when too many wait already, and the kernel is told all the same", () => {
    const { told, answers, deferred, reply, make } = makeWorld();
    const ioctls = make();
    for (let i = 0; i < DEFERRED_COUNT; i++) ioctls.answer(REQUEST, reply, toIno(12));
    assert.equal(deferred.count, DEFERRED_COUNT);
    ioctls.answer(REQUEST, reply, toIno(13));
    assert.equal(answers.at(-1), "0 0");
    assert.partialDeepStrictEqual(told.at(-1), { ino: 13 });
  });
});
