/** What a program that opens volumes itself may import from "shoal". See docs/library.md. */
export { ERRNO, FsError, type ErrorCode } from "../core/fs-error.ts";
export type { Log } from "../core/log.ts";
export type { Compression } from "../pack/codec.ts";
export type { Owner } from "./library/attribute-calls.ts";
export type { FallocateKind, OpenMode, TimeLike } from "./library/call-arguments.ts";
export { FileHandle, type BufferRange, type CopyFileRange } from "./library/file-handle.ts";
export type { Device } from "./library/name-calls.ts";
export type { CreateVolumeOptions, OpenVolumeOptions } from "./library/open-volume.ts";
export type { PathLike } from "./library/path-bytes.ts";
export { VolumeEntry } from "./library/volume-entry.ts";
export { VolumeStats } from "./library/volume-stats.ts";
export {
  Volume,
  type FollowOption,
  type ReadFileOptions,
  type RenameOptions,
  type SetXattrOptions,
  type SignalOption,
  type VolumeStatfs,
  type WriteFileOptions,
} from "./library/volume.ts";
