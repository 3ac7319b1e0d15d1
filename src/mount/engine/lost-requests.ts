/**
 * The cross-check after a restart (rule J7): FUSE_NOTIFY_RESEND makes the kernel send again whatever was read and never
 * answered. The hand-off area has all of that, so nothing should come; what does come was lost, and would hang for ever.
 *
 * What always holds: it is asked by the engine itself, between two requests, when no request that it knows of is
 * unanswered. At any other time the kernel would send again what is being served, whose answer it would then refuse, for
 * only the number with the resend bit names the request from there on. (It takes no lock that an application may hold,
 * so rule N's thread is not needed.) A mutation that comes again though it is the journal's last record gets the
 * recorded result, by equality of its number without the bit.
 * Source: fs/fuse/dev.c fuse_resend, request_find; tried on Linux 6.18.
 */
import { InitFlag2 } from "../../fuse/abi/flags.ts";
import type { NotificationWriter } from "../../fuse/notify.ts";
import type { DeferredTable } from "../deferred-table.ts";
import type { FuseSession } from "../handoff-area.ts";

export class LostRequests {
  readonly #writer: Pick<NotificationWriter, "resend">;
  readonly #deferred: Pick<DeferredTable, "count">;
  #isDue: boolean;

  constructor(options: {
    readonly writer: Pick<NotificationWriter, "resend">;
    readonly deferred: Pick<DeferredTable, "count">;
    readonly session: Pick<FuseSession, "flags2">;
    /** 1 for the connection's first engine, before which nobody can have lost anything. */
    readonly generation: number;
  }) {
    this.#writer = options.writer;
    this.#deferred = options.deferred;
    this.#isDue = options.generation > 1 && (options.session.flags2 & InitFlag2.HAS_RESEND) !== 0;
  }

  /** Whether requests may still come again. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** Between two requests: asks once nothing is left unanswered. */
  tick(): void {
    if (!this.#isDue || this.#deferred.count > 0) return;
    this.#isDue = false;
    this.#writer.resend();
  }
}
