/**
 * What we tell the kernel unasked. Written by the notifier thread alone (rule N): INVAL_INODE makes the kernel write dirty
 * pages back and wait for our answers, INVAL_ENTRY takes the lock of a directory whose holder may be waiting for us.
 * Source: linux/fuse.h of protocol 7.45; fs/fuse/dev.c fuse_notify: OutHeader with unique 0 and the code as its error.
 *
 * Every method returns 0 or what the kernel said, a negative errno: -ENOENT it knows no such inode or name; -ENOTDIR,
 * -ENOTEMPTY, -EBUSY of DELETE; -EINVAL a code this kernel lacks. After the unmount every inode and name is -ENOENT.
 */
import { FsError } from "../core/fs-error.ts";
import { NAME_SIZE_MAX, REQUEST_DATA_SIZE_MAX } from "../core/limits.ts";
import { setU64Le } from "../core/u64.ts";
import { OUT_HEADER_SIZE } from "./abi/header.ts";
import { writeName } from "./abi/name.ts";
import {
  encodeNotifyDeleteOut,
  encodeNotifyInvalEntryOut,
  encodeNotifyInvalInodeOut,
  encodeNotifyPollWakeupOut,
  encodeNotifyPruneOut,
  encodeNotifyRetrieveOut,
  encodeNotifyStoreOut,
  NOTIFY_DELETE_OUT_SIZE,
  NOTIFY_INVAL_ENTRY_OUT_SIZE,
  NOTIFY_INVAL_INODE_OUT_SIZE,
  NOTIFY_POLL_WAKEUP_OUT_SIZE,
  NOTIFY_PRUNE_OUT_SIZE,
  NOTIFY_RETRIEVE_OUT_SIZE,
  NOTIFY_STORE_OUT_SIZE,
} from "./abi/notify.ts";
import { NotifyCode } from "./abi/opcode.ts";
import type { Channel } from "./channel.ts";

/** Node ids in one PRUNE: keeps the message below a page, like the kernel's own batches of 512. */
export const PRUNE_COUNT_MAX = 500;

const BODY = OUT_HEADER_SIZE;
const SMALL_SIZE = 4096 + BODY;

export interface InodeRange {
  readonly ino: number;
  /** -1: attributes alone; no page is touched. */
  readonly offset: number;
  /** 0 or less: to the end of the file. */
  readonly length: number;
}

export interface EntryName {
  readonly parent: number;
  /** latin1. */
  readonly name: string;
}

export class NotificationWriter {
  readonly #channel: Channel;
  #bytes = new Uint8Array(SMALL_SIZE);
  #view = new DataView(this.#bytes.buffer);

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Drops cached attributes, and the pages of the range. */
  invalInode(range: InodeRange): number {
    encodeNotifyInvalInodeOut(this.#view, BODY, range);
    return this.#send(NotifyCode.INVAL_INODE, NOTIFY_INVAL_INODE_OUT_SIZE);
  }

  /** Drops a name; `flags` are `InvalEntryFlag` bits (EXPIRE_ONLY wants 7.38: it is looked up again, not thrown away). */
  invalEntry(entry: EntryName, flags = 0): number {
    const namelen = this.#putName(BODY + NOTIFY_INVAL_ENTRY_OUT_SIZE, entry.name);
    encodeNotifyInvalEntryOut(this.#view, BODY, { parent: entry.parent, namelen, flags });
    return this.#send(NotifyCode.INVAL_ENTRY, NOTIFY_INVAL_ENTRY_OUT_SIZE + namelen + 1);
  }

  /** As `invalEntry`, and tells those who watch it that `child` was deleted. */
  delete(entry: EntryName, child: number): number {
    const namelen = this.#putName(BODY + NOTIFY_DELETE_OUT_SIZE, entry.name);
    encodeNotifyDeleteOut(this.#view, BODY, { parent: entry.parent, child, namelen });
    return this.#send(NotifyCode.DELETE, NOTIFY_DELETE_OUT_SIZE + namelen + 1);
  }

  /** Puts bytes into the page cache, at most 1 MiB. */
  store(nodeid: number, offset: number, data: Uint8Array): number {
    if (data.length > REQUEST_DATA_SIZE_MAX)
      throw new FsError("EINVAL", `NOTIFY_STORE of ${data.length} bytes`);
    const size = NOTIFY_STORE_OUT_SIZE + data.length;
    this.#grow(BODY + size);
    encodeNotifyStoreOut(this.#view, BODY, { nodeid, offset, size: data.length });
    this.#bytes.set(data, BODY + NOTIFY_STORE_OUT_SIZE);
    return this.#send(NotifyCode.STORE, size);
  }

  /** Asks for bytes of the page cache; they come as NOTIFY_REPLY, a request whose unique is `notifyUnique`. */
  retrieve(notifyUnique: number, range: { nodeid: number; offset: number; size: number }): number {
    setU64Le(this.#view, BODY, notifyUnique);
    const notifyUniqueLow = this.#view.getUint32(BODY, true);
    const notifyUniqueHigh = this.#view.getUint32(BODY + 4, true);
    encodeNotifyRetrieveOut(this.#view, BODY, { notifyUniqueLow, notifyUniqueHigh, ...range });
    return this.#send(NotifyCode.RETRIEVE, NOTIFY_RETRIEVE_OUT_SIZE);
  }

  /** Wakes who polls: `kh` as PollIn had it, in two halves. */
  pollWakeup(khLow: number, khHigh: number): number {
    encodeNotifyPollWakeupOut(this.#view, BODY, { khLow, khHigh });
    return this.#send(NotifyCode.POLL, NOTIFY_POLL_WAKEUP_OUT_SIZE);
  }

  /** The kernel sends everything unanswered again, with the resend bit (7.40). */
  resend(): number {
    return this.#send(NotifyCode.RESEND, 0);
  }

  /** All names are looked up anew from now on (7.44). */
  incEpoch(): number {
    return this.#send(NotifyCode.INC_EPOCH, 0);
  }

  /** Lets go of these inodes where nobody uses them (7.45); at most PRUNE_COUNT_MAX. */
  prune(nodeids: readonly number[] | Float64Array): number {
    if (nodeids.length > PRUNE_COUNT_MAX)
      throw new FsError("EINVAL", `NOTIFY_PRUNE of ${nodeids.length} inodes`);
    encodeNotifyPruneOut(this.#view, BODY, { count: nodeids.length });
    let at = BODY + NOTIFY_PRUNE_OUT_SIZE;
    for (const nodeid of nodeids) {
      setU64Le(this.#view, at, nodeid);
      at += 8;
    }
    return this.#send(NotifyCode.PRUNE, at - BODY);
  }

  #putName(at: number, name: string): number {
    if (name.length > NAME_SIZE_MAX)
      throw new FsError("ENAMETOOLONG", `a notification with a name of ${name.length} bytes`);
    writeName(this.#bytes, at, name);
    this.#bytes[at + name.length] = 0;
    return name.length;
  }

  #grow(size: number): void {
    if (this.#bytes.length >= size) return;
    this.#bytes = new Uint8Array(BODY + NOTIFY_STORE_OUT_SIZE + REQUEST_DATA_SIZE_MAX);
    this.#view = new DataView(this.#bytes.buffer);
  }

  #send(code: number, bodySize: number): number {
    const size = OUT_HEADER_SIZE + bodySize;
    const view = this.#view;
    view.setUint32(0, size, true);
    view.setInt32(4, code, true);
    view.setUint32(8, 0, true);
    view.setUint32(12, 0, true);
    const written = this.#channel.write(this.#bytes, size);
    return written < 0 ? written : 0;
  }
}
