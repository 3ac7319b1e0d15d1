/**
 * The lock of a directory store: `.lock`, shared by readers of directories and held alone by swaps and deletions.
 *
 * It must be the kernel's own, for two reasons. A holder that is killed at any point frees it, so there is no stale
 * lock to recognise and none that nobody can take. And a holder that is frozen keeps it, so nobody else swaps in the
 * middle of its compare and rename; a lock with an expiry could not promise that.
 *
 * Node has no flock(2), but SQLite takes fcntl(2) locks on a database file, across processes, and keeps them apart
 * between threads and connections of one process. So `.lock` is a database of one page that nobody ever writes:
 * BEGIN EXCLUSIVE is the lock alone, a read transaction the shared one, ROLLBACK the release; 6 us a pair.
 * fcntl's trap is that closing any descriptor of the file drops the process's locks: nothing but SQLite opens it.
 * Source: sqlite.org/lockingv3.html; fcntl(2), "Advisory record locking".
 */
import { statSync } from "node:fs";
import { link, open } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../core/clock.ts";
import type { Prng } from "../../core/prng.ts";
import { ObjectStoreError } from "../object-store.ts";
import { isCode } from "./file-error.ts";
import type { TemporaryFiles } from "./temporary-files.ts";

export const LOCK_FILE = ".lock";
/** A holder needs milliseconds; one that needs this long is frozen or its disk hangs, and the caller should hear of it. */
export const LOCK_WAIT_MAX_MS = 15_000;
/** Between two attempts, at random from half of it to all: waiting costs little and nobody is locked out for long. */
const LOCK_POLL_MS = 4;
/** Source: sqlite3.h, primary result codes. */
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
/** "ShLk": says to file(1) and to a curious reader what this database is. */
const APPLICATION_ID = 0x53_68_4c_6b;

export interface StoreLockOptions {
  readonly path: string;
  readonly temporaries: TemporaryFiles;
  readonly clock: Clock;
  readonly prng: Prng;
}

export class StoreLock {
  readonly #path: string;
  readonly #temporaries: TemporaryFiles;
  readonly #clock: Clock;
  readonly #prng: Prng;
  #connection: { readonly database: DatabaseSync; readonly ino: number } | undefined;
  /** Resolves when those of this process who came earlier are done. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: StoreLockOptions) {
    this.#path = options.path;
    this.#temporaries = options.temporaries;
    this.#clock = options.clock;
    this.#prng = options.prng;
  }

  /** Runs `work` while nobody else, here or in another process, holds the lock in any way. */
  async exclusive<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#inTurn("BEGIN EXCLUSIVE", work, signal);
  }

  /**
   * Runs `read` while nobody holds the lock alone. The first swap or deletion makes the lock's file; as long as there
   * is none, `read` runs without, and once more should the file have come up meanwhile. So a store that cannot be
   * written to can be read.
   */
  async shared<T>(read: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#ino() === undefined) {
      const result = await read();
      if (this.#ino() === undefined) return result;
    }
    return this.#inTurn("BEGIN", read, signal);
  }

  async close(): Promise<void> {
    await this.#turn;
    this.#disconnect();
  }

  /** The wait is counted from here, so that many who wait for one frozen holder all hear of it in time. */
  async #inTurn<T>(begin: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + LOCK_WAIT_MAX_MS;
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = Promise.all([before, promise]).then(() => undefined);
    try {
      await settledOrAborted(before, signal);
      const database = await this.#acquire(begin, deadlineMs, signal);
      return await runAndRelease(database, work);
    } finally {
      resolve();
    }
  }

  async #acquire(
    begin: string,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<DatabaseSync> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#ino() === undefined) await this.#create();
      const database = this.#tryAcquire(begin);
      if (database !== undefined) return database;
      if (this.#clock.monotonicMs() >= deadlineMs) {
        throw new ObjectStoreError(
          "EAGAIN",
          `another process has held ${this.#path} for ${LOCK_WAIT_MAX_MS} ms: ` +
            "find it with fuser or lsof on that file, and continue or end it",
          { retryable: true },
        );
      }
      await this.#clock.sleep(LOCK_POLL_MS * (0.5 + this.#prng.fraction() / 2), signal);
    }
  }

  /** undefined while another holds it. */
  #tryAcquire(begin: string): DatabaseSync | undefined {
    const ino = this.#ino();
    if (ino === undefined) return undefined;
    try {
      const database = this.#connect(ino);
      database.exec(begin);
      // A read transaction takes its lock with the first read.
      database.exec("PRAGMA schema_version");
      if (this.#ino() === ino) return database;
      // The file was removed or replaced by hand: a lock on the old one keeps nobody out.
      this.#disconnect();
      return undefined;
    } catch (cause) {
      if ((cause as { errcode?: number }).errcode === SQLITE_BUSY) {
        if (this.#connection?.database.isTransaction) this.#connection.database.exec("ROLLBACK");
        return undefined;
      }
      this.#disconnect();
      const isReadOnly = ((cause as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_READONLY;
      throw new ObjectStoreError(
        isReadOnly ? "EROFS" : "EIO",
        `cannot lock ${this.#path}: ${(cause as Error).message}; the file must be readable and writable, ` +
          "and its file system must have fcntl locks",
        { cause, retryable: false },
      );
    }
  }

  #connect(ino: number): DatabaseSync {
    if (this.#connection?.ino === ino) return this.#connection.database;
    this.#disconnect();
    const database = new DatabaseSync(this.#path);
    this.#connection = { database, ino };
    database.exec("PRAGMA journal_mode = MEMORY");
    return database;
  }

  #disconnect(): void {
    this.#connection?.database.close();
    this.#connection = undefined;
  }

  /** undefined when there is no such file. stat(2) opens nothing, so it drops no lock. */
  #ino(): number | undefined {
    return statSync(this.#path, { throwIfNoEntry: false })?.ino;
  }

  /** Made whole under another name, so that no descriptor but SQLite's is ever open under this one. */
  async #create(): Promise<void> {
    const path = await this.#temporaries.newPath();
    try {
      await (await open(path, "wx", 0o600)).close();
      const database = new DatabaseSync(path);
      try {
        database.exec(`PRAGMA page_size = 512; PRAGMA application_id = ${APPLICATION_ID}`);
      } finally {
        database.close();
      }
      await link(path, this.#path);
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
    } finally {
      await this.#temporaries.discard(path);
    }
  }
}

async function runAndRelease<T>(database: DatabaseSync, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    database.exec("ROLLBACK");
  }
}

/** Rejects with the signal's reason if that comes first. `turn` never rejects. */
async function settledOrAborted(
  turn: Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal === undefined) return turn;
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", abort, { once: true });
  turn.then(resolve, reject);
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
