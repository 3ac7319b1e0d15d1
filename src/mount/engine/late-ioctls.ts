/**
 * IOCTLs that changed attributes: answered once the kernel has dropped those it keeps.
 *
 * Its FUSE client does not expect an ioctl to move ctime and would show the old one for as long as attributes are
 * valid. So the notifier thread tells it first (rule N: the engine does not wait), and the answer follows. What always
 * holds (J7): the effect is journalled before the request is entered into the deferred table, and it stays there until
 * it is answered, so a successor only has to do the rest.
 */
import type { MessagePort } from "node:worker_threads";
import type { Ino } from "../../core/ids.ts";
import { IOCTL_OUT_SIZE } from "../../fuse/abi/device.ts";
import { Opcode } from "../../fuse/abi/opcode.ts";
import type { Channel } from "../../fuse/channel.ts";
import type { NotifierAnswer, NotifierMessage } from "../../fuse/notifier.ts";
import { REPLY_DATA_OFFSET, writeDataReply, type Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import { DeferredKind, type DeferredRequest, type DeferredTable } from "../deferred-table.ts";

export class LateIoctls {
  readonly #channel: Channel;
  readonly #port: MessagePort;
  readonly #deferred: DeferredTable;
  /** By the message's id: the entry in the table. */
  readonly #waiting = new Map<number, number>();
  /** Counts down: ids above 0 are the reaper's. */
  #nextId = -1;

  constructor(options: {
    readonly channel: Channel;
    /** The notifier's. */
    readonly port: MessagePort;
    readonly deferred: DeferredTable;
  }) {
    this.#channel = options.channel;
    this.#port = options.port;
    this.#deferred = options.deferred;
  }

  /** The IOCTL `request` has changed attributes of `ino`. */
  answer(request: Request, reply: Reply, ino: Ino): void {
    const index = this.#deferred.add({
      kind: DeferredKind.IOCTL,
      opcode: Opcode.IOCTL,
      uniqueLow: request.uniqueLow,
      uniqueHigh: request.uniqueHigh,
      nodeid: ino,
    });
    if (index < 0) reply.ioctl(0, 0);
    else reply.defer();
    this.#tell(ino, index);
  }

  /** What a process before this one has left. */
  resume(entry: DeferredRequest, index: number): void {
    this.#tell(entry.nodeid as Ino, index);
  }

  /** Answers to others' messages are not looked at. */
  receive({ id }: NotifierAnswer): void {
    const index = this.#waiting.get(id);
    this.#waiting.delete(id);
    const entry = index === undefined ? undefined : this.#deferred.get(index);
    if (index === undefined || entry === undefined) return;
    // struct fuse_ioctl_out, all zero: the ioctl's result is 0 and it has no output.
    const bytes = new Uint8Array(REPLY_DATA_OFFSET + IOCTL_OUT_SIZE);
    writeDataReply(this.#channel, entry, bytes, IOCTL_OUT_SIZE);
    this.#deferred.release(index);
  }

  /** `index` below 0: nobody waits. */
  #tell(ino: Ino, index: number): void {
    const id = this.#nextId--;
    if (index >= 0) this.#waiting.set(id, index);
    const message: NotifierMessage = { id, kind: "invalInode", ino, offset: -1, length: 0 };
    this.#port.postMessage(message);
  }
}
