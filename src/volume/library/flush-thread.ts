/** The flush thread of an opened volume: does what flush-work.ts says, in order, and rings the engine's doorbell. */
import { workerData } from "node:worker_threads";
import { NodeDisk } from "../../journal/disk.ts";
import { setThreadName } from "../../sys/process.ts";
import { runFlushOrder, type FlushOrder } from "../flush-work.ts";
import { Doorbell } from "./doorbell.ts";
import type { FlushThreadStart } from "./engine-link.ts";

const start = workerData as FlushThreadStart;
const disk = new NodeDisk();
const doorbell = new Doorbell(start.doorbell);
setThreadName("shoal-flush");

start.port.on("message", (order: FlushOrder) => {
  start.port.postMessage(runFlushOrder(disk, order));
  doorbell.ring();
});
