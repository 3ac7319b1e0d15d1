/** A real SQLite database whose log is read after each commit, and another that is made of LTX files. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { LtxDecoder } from "../../src/ltx/decoder.ts";
import type { DatabaseSource } from "../../src/replication/batch-encoder.ts";
import {
  readWalHeader,
  type WalPosition,
  type WalSource,
} from "../../src/replication/wal-reader.ts";

export class WalFixture implements Disposable {
  readonly path: string;
  readonly database: DatabaseSync;
  readonly #fds: number[] = [];
  readonly #state: StatementSync;

  constructor(folder: string, pageSize: number = 4096) {
    this.path = join(folder, "db");
    this.database = new DatabaseSync(this.path);
    this.database.exec(
      `PRAGMA page_size = ${pageSize}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0`,
    );
    this.#state = this.database.prepare("PRAGMA wal_checkpoint(NOOP)");
  }

  /** Of all that was committed. */
  position(): WalPosition {
    const { log } = this.#state.get() as unknown as { log: number };
    const header = readWalHeader(this.wal);
    return { salt1: header?.salt1 ?? 0, salt2: header?.salt2 ?? 0, frameCount: log };
  }

  get wal(): WalSource {
    return this.#source("-wal");
  }

  /** Opened and never closed before the database is: closing it would drop SQLite's locks. */
  get file(): DatabaseSource {
    return this.#source("");
  }

  #source(suffix: string): WalSource {
    const fd = openSync(`${this.path}${suffix}`, "r");
    this.#fds.push(fd);
    return {
      name: `db${suffix}`,
      read: (into, offset) => readSync(fd, into, 0, into.length, offset),
    };
  }

  /** What the database holds, page by page, once the log is in the file. */
  pages(): Uint8Array {
    this.database.exec("PRAGMA wal_checkpoint(PASSIVE)");
    const { page_count: count } = this.database.prepare("PRAGMA page_count").get() as {
      page_count: number;
    };
    const { page_size: size } = this.database.prepare("PRAGMA page_size").get() as {
      page_size: number;
    };
    return readFileSync(this.path).subarray(0, count * size);
  }

  [Symbol.dispose](): void {
    this.database.close();
    for (const fd of this.#fds) closeSync(fd);
  }
}

/** The database that LTX files make, one after the other. */
export class AppliedDatabase {
  #pages: Uint8Array = new Uint8Array(0);

  apply(file: Uint8Array): void {
    const decoder = new LtxDecoder({ name: "batch" });
    decoder.feed(file);
    for (let page = decoder.next(); page; page = decoder.next()) {
      const { pageSize } = decoder.header!;
      this.#resize(Math.max(this.#pages.length, page.pgno * pageSize));
      this.#pages.set(page.data, (page.pgno - 1) * pageSize);
    }
    decoder.finish();
    const { commit, pageSize } = decoder.header!;
    this.#resize(commit * pageSize);
  }

  get pages(): Uint8Array {
    return this.#pages;
  }

  #resize(size: number): void {
    const pages = new Uint8Array(size);
    pages.set(this.#pages.subarray(0, size));
    this.#pages = pages;
  }
}
