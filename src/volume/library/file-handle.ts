/**
 * An open file, near to the FileHandle of node:fs/promises. It keeps its file alive after its last name is gone, until
 * it is closed.
 */
import { FsError } from "../../core/fs-error.ts";
import type { Owner } from "./attribute-calls.ts";
import { fallocateMode, timeChange, type FallocateKind, type TimeLike } from "./call-arguments.ts";
import type { CallWeight, EngineClient } from "./engine-client.ts";
import type { EngineMethod, EngineMethodTable, HandleId } from "./engine-link.ts";
import { WRITE_HEADROOM } from "./open-file.ts";
import { toBytes, type PathLike } from "./path-bytes.ts";
import { VolumeStats } from "./volume-stats.ts";

/** Longer reads and writes are made in pieces of this many bytes: the engine serves others in between. */
export const PIECE_SIZE: number = 4 * 1024 * 1024;

export interface BufferRange {
  /** First byte of the buffer that is used; 0 when left out. */
  readonly offset?: number | undefined;
  /** All that is left when left out. */
  readonly length?: number | undefined;
  /** Where in the file; where the last read or write ended when left out. */
  readonly position?: number | undefined;
}

export interface CopyFileRange {
  readonly sourceOffset: number;
  readonly targetOffset: number;
  readonly length: number;
}

export class FileHandle implements AsyncDisposable {
  readonly #client: EngineClient;
  readonly #id: HandleId;
  readonly #subject: string;
  #position = 0;
  #isClosed = false;

  /** Handles are made by `Volume.open`. `subject` names the file in errors. */
  constructor(client: EngineClient, id: HandleId, subject: string) {
    this.#client = client;
    this.#id = id;
    this.#subject = subject;
  }

  /** Fills the buffer, or the range of it; fewer bytes only at the end of the file. */
  async read<T extends Uint8Array>(
    buffer: T,
    range: BufferRange = {},
  ): Promise<{ readonly bytesRead: number; readonly buffer: T }> {
    const { offset, length } = resolveRange(buffer, range);
    const start = range.position ?? this.#position;
    let done = 0;
    while (done < length) {
      const size = Math.min(PIECE_SIZE, length - done);
      const piece = { offset: start + done, length: size };
      const bytes = await this.#call("handleRead", [this.#id, piece], { size });
      buffer.set(bytes, offset + done);
      done += bytes.length;
      if (bytes.length < size) break;
    }
    if (range.position === undefined) this.#position = start + done;
    return { bytesRead: done, buffer };
  }

  /**
   * Writes the buffer, or the range of it: all of it unless room ends. The buffer must stay as it is until then. A file
   * that was opened for appending is written at its end.
   */
  async write<T extends Uint8Array>(
    buffer: T,
    range: BufferRange = {},
  ): Promise<{ readonly bytesWritten: number; readonly buffer: T }> {
    const { offset, length } = resolveRange(buffer, range);
    const start = range.position ?? this.#position;
    let done = 0;
    while (done < length) {
      const size = Math.min(PIECE_SIZE, length - done);
      const from = offset + done;
      const piece = withHeadroom(buffer.subarray(from, from + size));
      const args: Parameters<EngineMethodTable["handleWrite"]> = [this.#id, start + done, piece];
      const written = await this.#call("handleWrite", args, { size, transfer: piece.buffer });
      done += written;
      if (written < size) break;
    }
    if (range.position === undefined) this.#position = start + done;
    return { bytesWritten: done, buffer };
  }

  /** Cuts the file to `size` bytes, or lets it grow by zeros. */
  async truncate(size: number = 0): Promise<void> {
    await this.#call("handleTruncate", [this.#id, size]);
  }

  async stat(): Promise<VolumeStats> {
    return new VolumeStats(await this.#call("handleStat", [this.#id]));
  }

  /** Returns when all that was written before would outlive what the durability level says. */
  async sync(): Promise<void> {
    await this.#call("handleSync", [this.#id]);
  }

  /** As `sync`: the journal holds attributes beside the data. */
  async datasync(): Promise<void> {
    await this.sync();
  }

  async chmod(mode: number): Promise<void> {
    await this.#call("handleChmod", [this.#id, mode]);
  }

  /** undefined leaves that id as it is. */
  async chown(owner: Owner): Promise<void> {
    await this.#call("handleChown", [this.#id, owner]);
  }

  async utimes(atime: TimeLike, mtime: TimeLike): Promise<void> {
    const times = { atime: timeChange(atime), mtime: timeChange(mtime) };
    await this.#call("handleUtimes", [this.#id, times]);
  }

  async fallocate(
    kind: FallocateKind,
    range: { readonly offset: number; readonly length: number },
  ): Promise<void> {
    const { offset, length } = range;
    await this.#call("handleAllocate", [this.#id, fallocateMode(kind), { offset, length }]);
  }

  /** Where the next data, or the next hole, begins. Throws ENXIO past the end, and for data in a last hole. */
  async seek(kind: "data" | "hole", offset: number): Promise<number> {
    return await this.#call("handleSeek", [this.#id, kind, offset]);
  }

  /** Copies into `target`, which must be of the same volume, by sharing what is stored. Returns how many bytes there were. */
  async copyFileRange(target: FileHandle, range: CopyFileRange): Promise<number> {
    if (target.#client !== this.#client) {
      throw new FsError("EXDEV", "the two files are of different volumes");
    }
    const { sourceOffset, targetOffset, length } = range;
    const copy = { sourceOffset, targetOffset, length };
    return await this.#call("handleCopy", [this.#id, target.#id, copy]);
  }

  /** Gives a file without a name (O_TMPFILE) one. */
  async link(path: PathLike): Promise<void> {
    await this.#call("handleLink", [this.#id, toBytes(path)]);
  }

  /** A second time: nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#call("close", [this.#id]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #call<M extends EngineMethod>(
    method: M,
    args: Parameters<EngineMethodTable[M]>,
    weight?: CallWeight,
  ): Promise<ReturnType<EngineMethodTable[M]>> {
    return this.#client.call(method, args, this.#subject, weight);
  }
}

/** A copy that the engine may have, with the room that it needs before the data. */
export function withHeadroom(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(WRITE_HEADROOM + bytes.length);
  buffer.set(bytes, WRITE_HEADROOM);
  return buffer;
}

/** Throws EINVAL where the range is not in the buffer, or the position is none. */
function resolveRange(
  buffer: Uint8Array,
  range: BufferRange,
): { readonly offset: number; readonly length: number } {
  if (!(buffer instanceof Uint8Array)) throw new FsError("EINVAL", "the buffer is no Uint8Array");
  const { offset = 0, position } = range;
  const length = range.length ?? buffer.length - offset;
  const isRange = isCount(offset) && isCount(length) && offset + length <= buffer.length;
  if (!isRange || (position !== undefined && !isCount(position))) {
    const where = `${length} bytes from ${offset} of ${buffer.length}, position ${position}`;
    throw new FsError("EINVAL", `a range that is none: ${where}`);
  }
  return { offset, length };
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
