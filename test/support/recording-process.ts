/**
 * Mounts a RecordingFilesystem and serves it until it is unmounted, then writes the log to a file. A process of its own:
 * whoever uses the mount may block in it, also in a page fault of a shared mapping.
 *
 * Arguments: the mount point, the log's path.
 */
import { writeFileSync } from "node:fs";
import { argv } from "node:process";
import { serialize } from "node:v8";
import { SystemClock } from "../../src/core/clock.ts";
import { DeviceChannel } from "../../src/fuse/channel.ts";
import { Dispatcher } from "../../src/fuse/dispatch.ts";
import { handshake } from "../../src/fuse/handshake.ts";
import { runLoop } from "../../src/fuse/loop.ts";
import { mountFuse } from "../../src/fuse/mount.ts";
import { findMount } from "../../src/sys/mount-table.ts";
import { unmount } from "../../src/fuse/unmount.ts";
import { Reply } from "../../src/fuse/reply.ts";
import { Request, REQUEST_BUFFER_SIZE } from "../../src/fuse/request.ts";
import { PollSet } from "../../src/sys/poll.ts";
import { usableCpuCount } from "../../src/sys/process.ts";
import { RecordingFilesystem } from "./recording-filesystem.ts";

const parent = process.ppid;
const [, , directory, logPath] = argv as [string, string, string, string];
const clock = new SystemClock();
const fd = await mountFuse({ directory, source: "recording", allowOther: false });
const session = handshake(fd, { acl: false }, clock);
await new Promise<void>((resolve) => process.send?.("serving", () => resolve()));
const channel = new DeviceChannel(fd);
const request = new Request(new Uint8Array(REQUEST_BUFFER_SIZE));
const reply = new Reply(channel);
const filesystem = new RecordingFilesystem();
const dispatcher = new Dispatcher(filesystem, session);
runLoop({
  channel,
  buffer: request.bytes,
  waiter: new PollSet([fd]),
  drainDoorbell: () => false,
  onRequest: (size) => {
    request.decode(size);
    dispatcher.dispatch(request, reply);
  },
  onDoorbell: () => {},
  // Whoever wanted the log is gone: nobody else would end the mount.
  shouldStop: () => process.ppid !== parent,
  clock,
  cpuCount: usableCpuCount,
});
if (findMount(directory) !== undefined) await unmount(directory, { lazy: true, force: true });
writeFileSync(logPath, serialize(filesystem.log));
process.disconnect?.();
