/** The thread of fake-engine.ts. `options` may ask it to refuse, to fail at a file's name, or to load slowly. */
import { join } from "node:path";
import { workerData } from "node:worker_threads";
import { SystemClock } from "../../src/core/clock.ts";
import { FsError } from "../../src/core/fs-error.ts";
import { DeviceChannel } from "../../src/fuse/channel.ts";
import { Dispatcher } from "../../src/fuse/dispatch.ts";
import { LoopEnd, runLoop } from "../../src/fuse/loop.ts";
import { Reply } from "../../src/fuse/reply.ts";
import { Request } from "../../src/fuse/request.ts";
import { EngineMailbox } from "./engine-mailbox.ts";
import { mapHandoffFile } from "../../src/mount/handoff-area.ts";
import type { EngineWorkerData } from "./worker-engine.ts";
import { drainEventfd } from "../../src/sys/eventfd.ts";
import { PollSet } from "../../src/sys/poll.ts";
import { FakeFilesystem } from "./fake-filesystem.ts";

interface FakeOptions {
  /** Refuses to serve from this generation on. */
  readonly refuseFrom?: number;
  /** Dies at a request for this name. */
  readonly poison?: string;
  /** What "drain" answers. */
  readonly undrained?: string;
  /** "drain" is never answered. */
  readonly neverDrains?: boolean;
  /** Goes on and on when it is unmounted, as one does that cannot store what is left. */
  readonly neverEnds?: boolean;
}

const { start, port, doorbellFd } = workerData as EngineWorkerData;
const options = (start.options ?? {}) as FakeOptions;
const mailbox = new EngineMailbox(port);
void waitAndServe();

/** Not at the top level: the module counts as loaded while it waits. */
async function waitAndServe(): Promise<void> {
  const generation = await mailbox.waitForServe();
  if (options.refuseFrom !== undefined && generation >= options.refuseFrom)
    mailbox.refused(new FsError("EIO", "the fake volume is corrupt"));
  else serve();
}

function serve(): void {
  const area = mapHandoffFile(start.fds.handoff);
  const channel = new DeviceChannel(start.fds.fuse);
  const filesystem = new FakeFilesystem(join(start.stateDirectory, "journal", "fake.log"), area);
  const request = new Request(area.request.bytes);
  const reply = new Reply(channel);
  const dispatcher = new Dispatcher(filesystem, area.session!);
  const scratch = new Uint8Array(8);
  let isStopping = false;
  const serveOne = (size: number): void => {
    request.decode(size);
    if (options.poison !== undefined && isAbout(request, options.poison))
      throw new Error(`poisoned by ${options.poison}`);
    dispatcher.dispatch(request, reply);
    area.status.answered();
  };
  const left = area.request.recover();
  if (left > 0) {
    request.decode(left);
    if (!filesystem.answerAgain(request, channel)) serveOne(left);
  }
  mailbox.serving({ replayed: filesystem.replayed, left });
  const drained = { drained: options.undrained === undefined, message: options.undrained ?? "" };
  const end = runLoop({
    channel,
    buffer: area.request.bytes,
    waiter: new PollSet([start.fds.fuse, doorbellFd]),
    drainDoorbell: () => drainEventfd(doorbellFd, scratch),
    onRequest: serveOne,
    onDoorbell: () => {
      for (let message = mailbox.receive(); message !== undefined; message = mailbox.receive()) {
        if (message.type !== "call") continue;
        const { id, method, params } = message;
        if (method === "stop") isStopping = true;
        if (method === "drain" && options.neverDrains === true) continue;
        if (method === "drain") mailbox.result(id, drained);
        else if (method === "echo" || method === "stop") mailbox.result(id, params);
        else mailbox.error(id, new FsError("EOPNOTSUPP", `the fake engine has no ${method}`));
      }
    },
    beforeRead: () => area.request.beginRead(),
    shouldStop: () => isStopping,
    clock: new SystemClock(),
    cpuCount: () => 1,
  });
  if (options.neverEnds === true) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  mailbox.ended({ outcome: end === LoopEnd.UNMOUNTED ? "unmounted" : "stopped", ...drained });
}

function isAbout(request: Request, name: string): boolean {
  return Buffer.from(request.bytes.subarray(40, Math.min(request.size, 400))).includes(name);
}
