/**
 * The FUSE protocol for other projects: implement FuseFilesystem, mount, serve. `shoal/fuse` in the published package.
 *
 *     const fd = await mountFuse({ directory, source: "hello" });
 *     const channel = new DeviceChannel(fd);
 *     const dispatcher = new Dispatcher(filesystem, handshake(fd, {}, clock));
 *     const request = new Request(new Uint8Array(REQUEST_BUFFER_SIZE));
 *     const reply = new Reply(channel);
 *     runLoop({ channel, buffer: request.bytes, onRequest: (size) => { request.decode(size); dispatcher.dispatch(request, reply); }, … });
 */
export { type Channel, DeviceChannel, MemoryChannel } from "./channel.ts";
export { Dispatcher } from "./dispatch.ts";
export {
  type AttributeOperations,
  type DirectoryOperations,
  type FileOperations,
  type FuseFilesystem,
  type LockOperations,
  type NameOperations,
  type NewNode,
  type RenameArguments,
  type SetxattrArguments,
  type VolumeOperations,
  type XattrOperations,
} from "./filesystem.ts";
export { handshake } from "./handshake.ts";
export { type Session, type SessionOptions } from "./init.ts";
export {
  LoopEnd,
  type LoopOptions,
  type LoopStatistics,
  newLoopStatistics,
  runLoop,
} from "./loop.ts";
export { mountFuse } from "./mount.ts";
export { NOTIFIER_WORKER_URL, type NotifierAnswer, type NotifierMessage } from "./notifier.ts";
export { NotificationWriter } from "./notify.ts";
export {
  Reply,
  REPLY_DATA_OFFSET,
  ReplyState,
  writeDataReply,
  writeErrorReply,
  writeWriteReply,
} from "./reply.ts";
export { Request, REQUEST_BUFFER_SIZE, type RequestId, WRITE_DATA_OFFSET } from "./request.ts";
export { unmount } from "./unmount.ts";
