/**
 * The metadata in one SQLite file: WAL mode, one connection, one long transaction (rules K1, K4).
 *
 * `synchronous` NORMAL: a commit is not flushed by itself; the cut flushes the WAL through a descriptor of its own
 * before anything of that cut leaves the machine. `cache_spill` is off and the cache holds a cut's dirty pages, so
 * that no uncommitted page reaches the WAL. `wal_autocheckpoint` is off: checkpoints run between commits.
 */
import { existsSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import type { MetaTables } from "../tables.ts";
import { SqliteDentryTable } from "./dentry-table.ts";
import { SqliteInodeTable } from "./inode-table.ts";
import { SqlitePackTable, SqlitePlanTable } from "./pack-table.ts";
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from "./schema.ts";
import { SqliteSliceTable } from "./slice-table.ts";
import { wrapSqliteError } from "./sqlite-error.ts";
import {
  SqliteOrphanTable,
  SqliteSettingTable,
  SqliteSymlinkTable,
  SqliteXattrTable,
} from "./small-tables.ts";

/** SQLite's page cache: a cut's dirty pages (1,500 of 4 KiB) fit many times. In KiB. */
const CACHE_SIZE_KIB = 32 * 1024;

export class SqliteTables implements MetaTables {
  readonly path: string;
  readonly inodes: SqliteInodeTable;
  readonly dentries: SqliteDentryTable;
  readonly symlinks: SqliteSymlinkTable;
  readonly xattrs: SqliteXattrTable;
  readonly slices: SqliteSliceTable;
  readonly packs: SqlitePackTable;
  readonly orphans: SqliteOrphanTable;
  readonly plans: SqlitePlanTable;
  readonly settings: SqliteSettingTable;
  readonly #database: DatabaseSync;
  readonly #walState: StatementSync;

  private constructor(path: string, database: DatabaseSync) {
    this.path = path;
    this.#database = database;
    this.#walState = database.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.inodes = new SqliteInodeTable(database);
    this.dentries = new SqliteDentryTable(database);
    this.symlinks = new SqliteSymlinkTable(database);
    this.xattrs = new SqliteXattrTable(database);
    this.slices = new SqliteSliceTable(database);
    this.packs = new SqlitePackTable(database);
    this.orphans = new SqliteOrphanTable(database);
    this.plans = new SqlitePlanTable(database);
    this.settings = new SqliteSettingTable(database);
  }

  /** Makes a new database with the schema in it. Throws EEXIST when there is one already. */
  static create(path: string): SqliteTables {
    const database = openDatabase(path, { create: true });
    try {
      return SqliteTables.#fill(path, database);
    } catch (error) {
      database.close();
      throw wrapSqliteError(error, path);
    }
  }

  static #fill(path: string, database: DatabaseSync): SqliteTables {
    if (pragma(database, "application_id") !== 0 || pragma(database, "schema_version") !== 0) {
      throw new FsError("EEXIST", `${path} holds a database already`);
    }
    database.exec("BEGIN IMMEDIATE");
    database.exec(SCHEMA);
    database.exec(
      `PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`,
    );
    database.exec("COMMIT");
    return new SqliteTables(path, database);
  }

  /** Throws ENOENT, CorruptError for what is no metadata database, EPROTO for another version's. */
  static open(path: string, options: { readonly readOnly?: boolean } = {}): SqliteTables {
    const database = openDatabase(path, { create: false, readOnly: options.readOnly === true });
    const found = pragma(database, "application_id");
    const version = pragma(database, "user_version");
    if (found !== APPLICATION_ID) {
      database.close();
      throw new CorruptError(
        `${path} is a database, but not a Shoal volume's (application id ${found})`,
      );
    }
    if (version !== SCHEMA_VERSION) {
      database.close();
      throw new FsError(
        "EPROTO",
        `${path} has metadata version ${version}; this program reads version ${SCHEMA_VERSION}`,
      );
    }
    return new SqliteTables(path, database);
  }

  /** Throws EBUSY when another process has a transaction open. */
  begin(): void {
    try {
      this.#database.exec("BEGIN IMMEDIATE");
    } catch (error) {
      throw wrapSqliteError(error, this.path);
    }
  }

  commit(): void {
    this.#database.exec("COMMIT");
  }

  inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  /** Moves WAL frames into the database file; only between commit and begin. Returns frames in the WAL and how many were moved. */
  walCheckpoint(mode: "PASSIVE" | "TRUNCATE"): { frameCount: number; movedCount: number } {
    const row = this.#database.prepare(`PRAGMA wal_checkpoint(${mode})`).get() as unknown as {
      log: number;
      checkpointed: number;
    };
    return { frameCount: row.log, movedCount: row.checkpointed };
  }

  /** Frames in the WAL; asks SQLite, for the file's size says nothing (K4). Only between commit and begin. */
  walFrameCount(): number {
    const row = this.#walState.get() as unknown as { log: number };
    return row.log;
  }

  /** Pages of the file, and those that are free. */
  pageCount(): number {
    return pragma(this.#database, "page_count");
  }

  /** SQLite's own check: an empty list when all is well. For fsck. */
  integrityProblems(): string[] {
    const rows = this.#database.prepare("PRAGMA integrity_check").all() as {
      integrity_check: string;
    }[];
    return rows.map((row) => row.integrity_check).filter((text) => text !== "ok");
  }

  /** For fsck's and maintenance's own read-only questions. */
  get database(): DatabaseSync {
    return this.#database;
  }

  close(): void {
    this.#database.close();
  }
}

function openDatabase(
  path: string,
  options: { readonly create: boolean; readonly readOnly?: boolean },
): DatabaseSync {
  if (!options.create && !existsSync(path)) {
    throw new FsError("ENOENT", `the metadata database ${path} does not exist`);
  }
  try {
    const database = new DatabaseSync(path, { readOnly: options.readOnly === true });
    database.exec(
      `PRAGMA cache_size = -${CACHE_SIZE_KIB}; PRAGMA cache_spill = OFF; PRAGMA temp_store = MEMORY`,
    );
    if (options.readOnly !== true) {
      database.exec(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0",
      );
    }
    return database;
  } catch (error) {
    throw wrapSqliteError(error, path);
  }
}

function pragma(database: DatabaseSync, name: string): number {
  const row = database.prepare(`PRAGMA ${name}`).get() as Record<string, number> | undefined;
  return row?.[name] ?? 0;
}
