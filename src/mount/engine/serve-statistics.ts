/**
 * Counts what the engine serves, at next to no cost: times are taken of one request in SAMPLE_INTERVAL, into a
 * histogram of powers of two of microseconds.
 */
import type { Clock } from "../../core/clock.ts";
import { Opcode } from "../../fuse/abi/opcode.ts";
import { OUT_HEADER_SIZE } from "../../fuse/abi/header.ts";
import { ReplyState, type Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";

const SAMPLE_INTERVAL = 16;
/** The last bucket holds everything from half a minute on. */
const BUCKET_COUNT = 26;

export class ServeStatistics {
  errors = 0;
  readBytes = 0;
  writtenBytes = 0;
  flushes = 0;
  /** Estimated from the samples. */
  busyMs = 0;
  /** Samples of [2^i, 2^(i+1)) microseconds; the first also holds what is below. */
  readonly latency: number[] = Array.from({ length: BUCKET_COUNT }, () => 0);
  readonly #clock: Clock;
  #untilSample: number = SAMPLE_INTERVAL;
  #startedMs = -1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(): void {
    if (--this.#untilSample > 0) return;
    this.#untilSample = SAMPLE_INTERVAL;
    this.#startedMs = this.#clock.monotonicMs();
  }

  end(request: Request, reply: Reply): void {
    if (this.#startedMs >= 0) this.#sample();
    if (reply.state !== ReplyState.SENT) {
      if (request.opcode === Opcode.FSYNC) this.flushes++;
      return;
    }
    if (reply.view.getInt32(4, true) !== 0) {
      this.errors++;
      return;
    }
    switch (request.opcode) {
      case Opcode.READ:
        this.readBytes += reply.size - OUT_HEADER_SIZE;
        return;
      case Opcode.WRITE:
        this.writtenBytes += reply.view.getUint32(OUT_HEADER_SIZE, true);
        return;
      case Opcode.FSYNC:
        this.flushes++;
    }
  }

  #sample(): void {
    const elapsedMs = this.#clock.monotonicMs() - this.#startedMs;
    this.#startedMs = -1;
    this.busyMs += elapsedMs * SAMPLE_INTERVAL;
    const us = Math.max(1, elapsedMs * 1000);
    const bucket = Math.min(BUCKET_COUNT - 1, Math.floor(Math.log2(us)));
    this.latency[bucket] = this.latency[bucket]! + 1;
  }
}
