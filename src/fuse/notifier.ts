/**
 * The notifier thread's messages: what others ask it to tell the kernel (rule N).
 *
 * Each message goes over a MessagePort and is answered on it by `{ id, result }` in the order of arrival. The asker must
 * not wait for it while it holds up requests. A message of kind `probe` asks which inodes the kernel still has (rule J8):
 * INVAL_INODE with offset -1 touches no page; ENOENT is "no such inode", and only that frees an orphan.
 */
import type { MessagePort } from "node:worker_threads";
import { ERRNO } from "../core/fs-error.ts";
import type { EntryName, InodeRange, NotificationWriter } from "./notify.ts";

export type NotifierMessage = { readonly id: number } & (
  | ({ readonly kind: "invalInode" } & InodeRange)
  | ({ readonly kind: "invalEntry"; readonly flags?: number } & EntryName)
  | ({ readonly kind: "delete"; readonly child: number } & EntryName)
  | {
      readonly kind: "store";
      readonly nodeid: number;
      readonly offset: number;
      readonly data: Uint8Array;
    }
  | {
      readonly kind: "retrieve";
      readonly notifyUnique: number;
      readonly nodeid: number;
      readonly offset: number;
      readonly size: number;
    }
  | { readonly kind: "pollWakeup"; readonly khLow: number; readonly khHigh: number }
  | { readonly kind: "resend" }
  | { readonly kind: "incEpoch" }
  | { readonly kind: "prune"; readonly nodeids: Float64Array }
  | { readonly kind: "probe"; readonly inos: Float64Array }
);

export interface NotifierAnswer {
  readonly id: number;
  /** 0 or a negative errno; of a probe the first error that was not ENOENT. */
  readonly result: number;
  /** Of a probe: those the kernel does not have. */
  readonly absent?: Float64Array;
}

/** What the thread is started with, as its workerData; `port` must be in the transfer list. */
export interface NotifierStart {
  /** A descriptor of the mounted /dev/fuse; stays the starter's. */
  readonly fd: number;
  readonly port: MessagePort;
  /** Rung after each answer, for an asker that has no event loop. */
  readonly doorbellFd?: number;
}

/** The module to start as a Worker, from source or built. */
export const NOTIFIER_WORKER_URL: URL = new URL(
  import.meta.url.endsWith(".ts") ? "./notifier-worker.ts" : "./notifier-worker.js",
  import.meta.url,
);

/** Does what the message says. */
export function notify(writer: NotificationWriter, message: NotifierMessage): NotifierAnswer {
  if (message.kind === "probe") return { id: message.id, ...probeInodes(writer, message.inos) };
  return { id: message.id, result: write(writer, message) };
}

/** An inode about which the kernel gave another error than ENOENT counts as present: it is kept. */
export function probeInodes(
  writer: NotificationWriter,
  inos: Float64Array,
): { readonly result: number; readonly absent: Float64Array } {
  const absent = new Float64Array(inos.length);
  let count = 0;
  let result = 0;
  for (const ino of inos) {
    const answer = writer.invalInode({ ino, offset: -1, length: 0 });
    if (answer === -ERRNO.ENOENT) absent[count++] = ino;
    else if (answer !== 0 && result === 0) result = answer;
  }
  return { result, absent: absent.slice(0, count) };
}

function write(
  writer: NotificationWriter,
  message: Exclude<NotifierMessage, { kind: "probe" }>,
): number {
  switch (message.kind) {
    case "invalInode":
      return writer.invalInode(message);
    case "invalEntry":
      return writer.invalEntry(message, message.flags);
    case "delete":
      return writer.delete(message, message.child);
    case "store":
      return writer.store(message.nodeid, message.offset, message.data);
    case "retrieve":
      return writer.retrieve(message.notifyUnique, message);
    case "pollWakeup":
      return writer.pollWakeup(message.khLow, message.khHigh);
    case "resend":
      return writer.resend();
    case "incEpoch":
      return writer.incEpoch();
    case "prune":
      return writer.prune(message.nodeids);
  }
}
