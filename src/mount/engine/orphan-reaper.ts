/**
 * Frees orphans (rule J8): when the kernel says FORGET it is asked whether it still has the inode; only "no such
 * inode" frees it. FORGETs are hints: lost ones are made good at the next kernel connection.
 */
import type { MessagePort } from "node:worker_threads";
import { toIno, type Ino } from "../../core/ids.ts";
import type { NotifierAnswer, NotifierMessage } from "../../fuse/notifier.ts";
import type { Caller } from "../../meta/operation.ts";
import type { Executor } from "../../vfs/executor.ts";
import { reap, REAP_COUNT_MAX } from "../../vfs/ops/reap.ts";

export class OrphanReaper {
  readonly #executor: Executor;
  readonly #port: MessagePort;
  readonly #caller: () => Caller;
  readonly #forgotten = new Set<Ino>();
  #nextId = 1;
  #isAsking = false;

  constructor(options: {
    readonly executor: Executor;
    readonly port: MessagePort;
    readonly caller: () => Caller;
  }) {
    this.#executor = options.executor;
    this.#port = options.port;
    this.#caller = options.caller;
  }

  forgotten(ino: Ino): void {
    this.#forgotten.add(ino);
  }

  /** Between requests: asks about what was forgotten since, one batch at a time. */
  tick(): void {
    if (this.#isAsking || this.#forgotten.size === 0) return;
    const inos = new Float64Array(Math.min(this.#forgotten.size, REAP_COUNT_MAX));
    let count = 0;
    for (const ino of this.#forgotten) {
      inos[count++] = ino;
      this.#forgotten.delete(ino);
      if (count === inos.length) break;
    }
    const message: NotifierMessage = { id: this.#nextId++, kind: "probe", inos };
    this.#isAsking = true;
    this.#port.postMessage(message);
  }

  receive(answer: NotifierAnswer): void {
    if (answer.absent === undefined) return;
    this.#isAsking = false;
    if (answer.absent.length > 0) this.#reap([...answer.absent].map(toIno));
  }

  /** Frees every orphan: nobody can hold one, for there is no kernel connection that knew it. */
  reapAll(): number {
    const inos = [...this.#executor.state.meta.orphans];
    for (let at = 0; at < inos.length; at += REAP_COUNT_MAX) {
      this.#reap(inos.slice(at, at + REAP_COUNT_MAX));
    }
    return inos.length;
  }

  #reap(inos: readonly Ino[]): void {
    this.#executor.runOwn(reap, this.#caller(), { inos });
  }
}
