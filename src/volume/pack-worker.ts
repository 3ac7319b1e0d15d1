/** The pack thread as main sees it: what the two say to each other, and calls that wait for its answers. */
import type { MessagePort } from "node:worker_threads";
import { ERRNO, FsError, type ErrorCode } from "../core/fs-error.ts";
import type { Compression } from "../pack/codec.ts";
import type { PackOrder } from "./engine-message.ts";
import type { StagedPackFile } from "./pack-pipeline.ts";

/** What the thread is started with. */
export interface PackThreadStart {
  readonly port: MessagePort;
  readonly stateDirectory: string;
  readonly options: {
    /** The root of the `file` store. */
    readonly root: string;
    readonly uuid: string;
    readonly timeline: string;
    readonly compression: Compression;
  };
}

/** Where the journal is, told when the engine has opened it. */
export interface PackThreadJournal {
  readonly journalDir: string;
  readonly journalUuid: string;
}

/** Main to pack thread. */
export interface ToPacks {
  /** "compare": does the stored pack hold what the plan says? */
  readonly kind: "build" | "compare";
  readonly pack: number;
  readonly plan: Uint8Array;
}

/** Pack thread to main. */
export type FromPacks =
  | { readonly kind: "staged"; readonly pack: number; readonly path: string; readonly size: number }
  | { readonly kind: "compared"; readonly pack: number; readonly isSame: boolean }
  | {
      readonly kind: "failed";
      readonly pack: number;
      readonly code: string;
      readonly message: string;
    };

/** Entry of the thread. */
export const PACK_THREAD_URL: URL = new URL(
  import.meta.url.endsWith(".ts") ? "./pack-thread.ts" : "./pack-thread.js",
  import.meta.url,
);

export class PackWorker {
  readonly #port: MessagePort;
  readonly #builds = new Map<number, PromiseWithResolvers<StagedPackFile>>();
  readonly #comparisons = new Map<number, PromiseWithResolvers<boolean>>();

  /** `port` is the other end of the thread's. */
  constructor(port: MessagePort) {
    this.#port = port;
    port.on("message", (message: FromPacks) => this.#receive(message));
  }

  openJournal({ journalDir, journalUuid }: PackThreadJournal): void {
    const journal: PackThreadJournal = { journalDir, journalUuid };
    this.#port.postMessage(journal);
  }

  build(order: PackOrder): Promise<StagedPackFile> {
    return this.#ask(this.#builds, "build", order);
  }

  decodesToPlan(order: PackOrder): Promise<boolean> {
    return this.#ask(this.#comparisons, "compare", order);
  }

  /** The thread has ended: nobody will answer. */
  fail(reason: FsError): void {
    this.#port.close();
    for (const build of this.#builds.values()) build.reject(reason);
    for (const comparison of this.#comparisons.values()) comparison.reject(reason);
    this.#builds.clear();
    this.#comparisons.clear();
  }

  #ask<T>(
    waiting: Map<number, PromiseWithResolvers<T>>,
    kind: ToPacks["kind"],
    { pack, plan }: PackOrder,
  ): Promise<T> {
    const answer = Promise.withResolvers<T>();
    waiting.set(pack, answer);
    const message: ToPacks = { kind, pack, plan };
    this.#port.postMessage(message);
    return answer.promise;
  }

  #receive(message: FromPacks): void {
    const { pack } = message;
    const build = this.#builds.get(pack);
    const comparison = this.#comparisons.get(pack);
    this.#builds.delete(pack);
    this.#comparisons.delete(pack);
    if (message.kind === "staged") build?.resolve({ path: message.path, size: message.size });
    else if (message.kind === "compared") comparison?.resolve(message.isSame);
    else (build ?? comparison)?.reject(toFsError(message.code, message.message));
  }
}

function toFsError(code: string, message: string): FsError {
  return new FsError(code in ERRNO ? (code as ErrorCode) : "EIO", message);
}
