/**
 * The flush thread: waits for the disk in the engine's place, answers the FSYNCs that waited for it, and fills spare
 * journal segments with zeros. A failed flush is reported, never tried again (J2).
 */
import { workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { DeviceChannel } from "../../fuse/channel.ts";
import { writeErrorReply } from "../../fuse/reply.ts";
import { NodeDisk } from "../../journal/disk.ts";
import { ringEventfd } from "../../sys/eventfd.ts";
import { setThreadName } from "../../sys/process.ts";
import { runFlushOrder } from "../../volume/flush-work.ts";
import { mapHandoffFile } from "../handoff-area.ts";
import type { DeferredFsync, ThreadStart, ToFlush } from "./engine-link.ts";

const start = workerData as ThreadStart & { readonly port: MessagePort };
const disk = new NodeDisk();
const channel = new DeviceChannel(start.fuseFd);
const area = mapHandoffFile(start.handoffFd);
setThreadName("shoal-flush");

start.port.on("message", (message: ToFlush) => {
  const report = runFlushOrder(disk, message);
  if (message.kind === "flush" && report.kind === "flushed") answer(message.waiters);
  start.port.postMessage(report);
  ringEventfd(start.doorbellFd);
});

function answer(waiters: readonly DeferredFsync[]): void {
  for (const waiter of waiters) {
    writeErrorReply(channel, waiter, 0);
    area.deferred.release(waiter.index);
  }
}
