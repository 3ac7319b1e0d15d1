/** Serves HelloFilesystem on a mounted descriptor, as a worker, until it is unmounted; then posts its statistics. */
import { parentPort, workerData } from "node:worker_threads";
import { SystemClock } from "../../src/core/clock.ts";
import { createEventfd, drainEventfd } from "../../src/sys/eventfd.ts";
import { PollSet } from "../../src/sys/poll.ts";
import { usableCpuCount } from "../../src/sys/process.ts";
import { DeviceChannel } from "../../src/fuse/channel.ts";
import { Dispatcher } from "../../src/fuse/dispatch.ts";
import { handshake } from "../../src/fuse/handshake.ts";
import { newLoopStatistics, runLoop } from "../../src/fuse/loop.ts";
import { Reply } from "../../src/fuse/reply.ts";
import { Request, REQUEST_BUFFER_SIZE } from "../../src/fuse/request.ts";
import { HelloFilesystem } from "./hello-filesystem.ts";

export interface HelloWorkerData {
  readonly fd: number;
  readonly polling: boolean;
  readonly validSec: number;
}

const { fd, polling, validSec } = workerData as HelloWorkerData;
const clock = new SystemClock();
const session = handshake(fd, { acl: false }, clock);
parentPort?.postMessage({ session }, []);

const channel = new DeviceChannel(fd);
const request = new Request(new Uint8Array(REQUEST_BUFFER_SIZE));
const reply = new Reply(channel);
const dispatcher = new Dispatcher(new HelloFilesystem({ validSec }), session);
const doorbell = createEventfd();
const scratch = new Uint8Array(8);
const statistics = newLoopStatistics();
const end = runLoop({
  channel,
  buffer: request.bytes,
  waiter: new PollSet([fd, doorbell]),
  drainDoorbell: () => drainEventfd(doorbell, scratch),
  onRequest: (size) => {
    request.decode(size);
    dispatcher.dispatch(request, reply);
  },
  onDoorbell: () => {},
  shouldStop: () => false,
  clock,
  cpuCount: () => (polling ? usableCpuCount() : 1),
  statistics,
});
parentPort?.postMessage({ end, statistics }, []);
