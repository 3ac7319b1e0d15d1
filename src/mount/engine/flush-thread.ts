/**
 * The flush thread: waits for the disk in the engine's place, answers the FSYNCs that waited for it, and fills spare
 * journal segments with zeros. A failed flush is reported, never tried again (J2).
 */
import { workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { DeviceChannel } from "../../fuse/channel.ts";
import { writeErrorReply } from "../../fuse/reply.ts";
import { NodeDisk } from "../../journal/disk.ts";
import { runFlush } from "../../journal/flush-ticket.ts";
import { prepareSpare } from "../../journal/spare.ts";
import { ringEventfd } from "../../sys/eventfd.ts";
import { setThreadName } from "../../sys/process.ts";
import { mapHandoffFile } from "../handoff-area.ts";
import type { FromFlush, ThreadStart, ToFlush } from "./engine-link.ts";

const start = workerData as ThreadStart & { readonly port: MessagePort };
const disk = new NodeDisk();
const channel = new DeviceChannel(start.fuseFd);
const area = mapHandoffFile(start.handoffFd);
setThreadName("shoal-flush");

start.port.on("message", (message: ToFlush) => {
  start.port.postMessage(message.kind === "flush" ? flush(message) : makeSpare(message));
  ringEventfd(start.doorbellFd);
});

function flush(message: Extract<ToFlush, { kind: "flush" }>): FromFlush {
  try {
    runFlush(disk, message.ticket);
  } catch (error) {
    return { kind: "flushFailed", message: String(error) };
  }
  for (const waiter of message.waiters) {
    writeErrorReply(channel, waiter, 0);
    area.deferred.release(waiter.index);
  }
  return { kind: "flushed" };
}

function makeSpare(message: Extract<ToFlush, { kind: "spare" }>): FromFlush {
  try {
    prepareSpare(disk, message.order);
    return { kind: "spareReady", order: message.order };
  } catch {
    return { kind: "spareFailed" };
  }
}
