/**
 * From a cut to the store: flushes the WAL, has packs built, puts them, deletes dead ones.
 *
 * What always holds: nothing of a cut is sent before its WAL is flushed (K1); only a staged, frozen file is ever sent
 * under a pack's name (K3), and when the store has that name already its bytes must be the same. A failed flush ends
 * all that waits for it: nothing is said to be flushed, and no pack is sent, after it (J2).
 */
import { readdirSync, unlinkSync } from "node:fs";
import { open, rm, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { CorruptError, FsError } from "../core/fs-error.ts";
import { toPackId, type PackId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { ObjectStore } from "../object/object-store.ts";
import { packKey, parsePackPath } from "../pack/pack-name.ts";
import type { EngineInput, EngineOutput, PackOrder } from "./engine-message.ts";

/** Between two tries of a store that fails: it may be full or away for long. */
const RETRY_MS = 500;
/** Read at a time when an object is compared with a file. */
const COMPARE_SIZE: number = 1024 * 1024;

export interface StagedPackFile {
  readonly path: string;
  readonly size: number;
}

export interface PackPipelineOptions {
  readonly store: ObjectStore;
  readonly timeline: string;
  readonly walPath: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly build: (order: PackOrder) => Promise<StagedPackFile>;
  /** Whether the pack that is in the store holds what the plan says. */
  readonly decodesToPlan: (order: PackOrder) => Promise<boolean>;
  readonly send: (input: EngineInput) => void;
  readonly signal: AbortSignal;
}

export class PackPipeline {
  readonly #options: PackPipelineOptions;
  #wal: FileHandle | undefined;
  /** Three lines of work, each in order: a full disk that holds up packs must not hold up what makes room on it. */
  #syncs: Promise<void> = Promise.resolve();
  #packs: Promise<void> = Promise.resolve();
  #deletions: Promise<void> = Promise.resolve();
  /** Packs that nothing refers to any more, though they are not stored. */
  readonly #cancelled = new Set<PackId>();
  #problem: string | undefined;
  readonly failed: Promise<never>;
  readonly #fail: (error: unknown) => void;

  constructor(options: PackPipelineOptions) {
    this.#options = options;
    const failure = Promise.withResolvers<never>();
    this.failed = failure.promise;
    this.failed.catch(() => {});
    this.#fail = failure.reject;
  }

  receive(output: EngineOutput): void {
    switch (output.kind) {
      case "cut": {
        const { cut, packs } = output;
        const synced = this.#after(this.#syncs, () => this.#sync(cut));
        this.#syncs = synced;
        for (const order of packs) {
          this.#packs = this.#after(this.#packs, async () => {
            await synced;
            await this.#store(order);
          });
        }
        return;
      }
      case "cancel":
        for (const pack of output.packs) this.#cancelled.add(pack);
        return;
      case "delete":
        this.#deletions = this.#after(this.#deletions, () => this.#delete(output.packs));
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#syncs, this.#packs, this.#deletions]);
    await this.#wal?.close();
  }

  /** Puts work at the end of a line. Once some of a line failed nothing of it is begun any more (J2). */
  #after(line: Promise<void>, work: () => Promise<void>): Promise<void> {
    const next = line.then(work);
    next.catch(this.#fail);
    return next;
  }

  async #sync(cut: number): Promise<void> {
    await this.#syncWal();
    this.#options.send({ kind: "walSynced", cut });
  }

  /** A failed flush may have lost pages for good: it is never tried again, the process ends (J2). */
  async #syncWal(): Promise<void> {
    this.#wal ??= await open(this.#options.walPath, "r+");
    await this.#wal.datasync();
  }

  async #store(order: PackOrder): Promise<void> {
    const { timeline, send } = this.#options;
    const { pack } = order;
    const isWanted = (): boolean => !this.#cancelled.has(pack);
    const key = packKey(timeline, pack);
    const staged = await this.#untilDone(
      `build pack ${pack}`,
      () => this.#options.build(order),
      isWanted,
    );
    const storedSize =
      staged &&
      (await this.#untilDone(`store ${key}`, () => this.#put(order, key, staged), isWanted));
    if (staged !== undefined) await rm(staged.path, { force: true });
    if (storedSize !== undefined) {
      send({ kind: "packStored", pack, storedSize });
    } else {
      // An earlier process may have stored it before it died.
      await this.#untilDone(
        `delete ${key}`,
        () => this.#options.store.delete(key),
        () => true,
      );
      send({ kind: "packCancelled", pack });
    }
    this.#cancelled.delete(pack);
  }

  /** Returns the size of what is in the store: the staged file, or what an earlier process put there under the same plan. */
  async #put(order: PackOrder, key: string, staged: StagedPackFile): Promise<number> {
    const { store } = this.#options;
    const outcome = await store.createFromFile(key, staged.path);
    if (outcome.created || (await hasBytesOf(store, key, staged))) return staged.size;
    // Out of the way, so that what is compared is what the store has.
    await unlink(staged.path);
    const found = await store.head(key);
    if (found === undefined || !(await this.#options.decodesToPlan(order))) {
      throw new CorruptError(`${key} exists in ${store.url} with other bytes`);
    }
    return found.size;
  }

  async #delete(packs: readonly PackId[]): Promise<void> {
    const { store, timeline, send } = this.#options;
    for (const pack of packs) {
      await this.#untilDone(
        `delete pack ${pack}`,
        () => store.delete(packKey(timeline, pack)),
        () => true,
      );
      send({ kind: "packDeleted", pack: toPackId(pack) });
    }
  }

  /**
   * Full or failing stores are waited for: what is pending is safe in the journal. Damage is not waited for. Gives
   * undefined when the work is not wanted any more.
   */
  async #untilDone<T>(
    what: string,
    work: () => Promise<T>,
    isWanted: () => boolean,
  ): Promise<T | undefined> {
    for (;;) {
      if (!isWanted()) {
        this.#setProblem(undefined, "");
        return undefined;
      }
      try {
        const result = await work();
        this.#setProblem(undefined, "");
        return result;
      } catch (error) {
        const code = error instanceof FsError ? error.code : "EIO";
        if (code !== "ENOSPC" && code !== "EDQUOT" && !isRetryable(error)) throw error;
        this.#setProblem(code, `cannot ${what}: ${messageOf(error)}`);
        await this.#options.clock.sleep(RETRY_MS, this.#options.signal);
      }
    }
  }

  #setProblem(code: string | undefined, message: string): void {
    if (code === this.#problem) return;
    this.#problem = code;
    if (code === undefined) this.#options.log.info("the store works again");
    else this.#options.log.warn(message, { code });
    this.#options.send({ kind: "storeProblem", code, message });
  }
}

/** Removes staged packs that nothing waits for: stored before a crash, or of a commit that was lost (K1). */
export function removeStrayPacks(staging: string, pending: ReadonlySet<number>): void {
  for (const path of readdirSync(staging, { recursive: true, encoding: "utf8" })) {
    const name = parsePackPath(path);
    if (name !== undefined && !pending.has(name.pack)) unlinkSync(join(staging, path));
  }
}

/** Compares an object with a local file, byte by byte (S2: a size proves nothing). */
async function hasBytesOf(
  store: ObjectStore,
  key: string,
  staged: StagedPackFile,
): Promise<boolean> {
  await using file = await open(staged.path, "r");
  const local = Buffer.alloc(COMPARE_SIZE);
  for (let offset = 0; offset < staged.size; offset += COMPARE_SIZE) {
    const remote = await store.getRange(key, { offset, length: COMPARE_SIZE });
    const { bytesRead } = await file.read(local, 0, COMPARE_SIZE, offset);
    if (remote === undefined || !local.subarray(0, bytesRead).equals(remote)) return false;
  }
  return (await store.head(key))?.size === staged.size;
}

function isRetryable(error: unknown): boolean {
  return error instanceof Error && "retryable" in error && error.retryable === true;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
