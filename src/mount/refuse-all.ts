/**
 * Answers every request EIO, in the place of an engine that cannot be kept alive.
 *
 * What always holds: applications get an error, not a hang, and the mount can be unmounted; nothing is written
 * anywhere, so the journal stays as the last engine left it. What that engine had read and not answered is answered
 * first and then forgotten: a mutation whose caller was told EIO may have been journalled or not, as EIO says.
 */
import type { Clock } from "../core/clock.ts";
import { ERRNO } from "../core/fs-error.ts";
import {
  decodeInHeader,
  encodeOutHeader,
  newInHeader,
  OUT_HEADER_SIZE,
} from "../fuse/abi/header.ts";
import { Opcode } from "../fuse/abi/opcode.ts";
import type { Channel } from "../fuse/channel.ts";
import { DEFERRED_COUNT } from "./deferred-table.ts";
import type { HandoffArea } from "./handoff-area.ts";

/** Between two looks at an empty device. There is nothing to be fast for. */
const LOOK_INTERVAL_MS = 10;
/** Requests answered before others in this process get a turn. */
const BURST_COUNT = 256;

export interface RefuseOptions {
  readonly channel: Channel;
  readonly area: HandoffArea;
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Resolves "unmounted" when the device says so, "stopped" when the signal was aborted. */
export async function refuseAll(options: RefuseOptions): Promise<"unmounted" | "stopped"> {
  const refuser = new Refuser(options.channel);
  refuseLeftOver(refuser, options.area);
  const { bytes } = options.area.request;
  while (!options.signal.aborted) {
    let waitMs = 0;
    for (let served = 0; served < BURST_COUNT; served++) {
      options.area.request.beginRead();
      const size = options.channel.read(bytes);
      if (size === -ERRNO.ENODEV || size === -ERRNO.ENOTCONN) return "unmounted";
      if (size > 0) {
        refuser.refuse(bytes);
        continue;
      }
      if (size !== -ERRNO.ENOENT) {
        waitMs = LOOK_INTERVAL_MS;
        break;
      }
    }
    options.area.request.beginRead();
    await pause(options, waitMs);
  }
  return "stopped";
}

async function pause(options: RefuseOptions, waitMs: number): Promise<void> {
  try {
    await options.clock.sleep(waitMs, options.signal);
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
}

class Refuser {
  readonly #channel: Channel;
  readonly #header = newInHeader();
  readonly #reply = new Uint8Array(OUT_HEADER_SIZE);
  readonly #view = new DataView(this.#reply.buffer);

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** `bytes` begins with a request. */
  refuse(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const header = decodeInHeader(view, 0, this.#header);
    this.answer(header.opcode, header.uniqueLow, header.uniqueHigh);
  }

  answer(opcode: number, uniqueLow: number, uniqueHigh: number): void {
    switch (opcode) {
      case Opcode.FORGET:
      case Opcode.BATCH_FORGET:
      case Opcode.INTERRUPT:
      case Opcode.NOTIFY_REPLY:
        return;
      default: {
        const error = opcode === Opcode.DESTROY ? 0 : -ERRNO.EIO;
        encodeOutHeader(this.#view, 0, { size: OUT_HEADER_SIZE, error, uniqueLow, uniqueHigh });
        // ENOENT and ENODEV: nobody waits for it any more. There is no other answer to give.
        this.#channel.write(this.#reply, OUT_HEADER_SIZE);
      }
    }
  }
}

function refuseLeftOver(refuser: Refuser, area: HandoffArea): void {
  if (area.request.recover() > 0) refuser.refuse(area.request.bytes);
  for (let index = 0; index < DEFERRED_COUNT; index++) {
    const request = area.deferred.get(index);
    if (request === undefined) continue;
    refuser.answer(request.opcode, request.uniqueLow, request.uniqueHigh);
    area.deferred.release(index);
  }
}
