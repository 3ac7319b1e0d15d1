/** The tables that hold little: symlinks, extended attributes, orphans, settings. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { toIno, type Ino } from "../../core/ids.ts";
import type { OrphanTable, SettingTable, SymlinkTable, XattrTable } from "../tables.ts";

export class SqliteSymlinkTable implements SymlinkTable {
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;

  constructor(database: DatabaseSync) {
    this.#get = database.prepare("SELECT target FROM symlink WHERE ino = ?");
    this.#put = database.prepare("INSERT INTO symlink (ino, target) VALUES (?, ?)");
    this.#remove = database.prepare("DELETE FROM symlink WHERE ino = ?");
  }

  get(ino: Ino): string | undefined {
    return (this.#get.get(ino) as { target: string } | undefined)?.target;
  }

  put(ino: Ino, target: string): void {
    this.#put.run(ino, target);
  }

  remove(ino: Ino): void {
    this.#remove.run(ino);
  }
}

export class SqliteXattrTable implements XattrTable {
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #names: StatementSync;
  readonly #removeAll: StatementSync;

  constructor(database: DatabaseSync) {
    this.#get = database.prepare("SELECT value FROM xattr WHERE ino = ? AND name = ?");
    this.#put = database.prepare(
      "INSERT OR REPLACE INTO xattr (ino, name, value) VALUES (?, ?, ?)",
    );
    this.#remove = database.prepare("DELETE FROM xattr WHERE ino = ? AND name = ?");
    this.#names = database.prepare("SELECT name FROM xattr WHERE ino = ? ORDER BY name");
    this.#removeAll = database.prepare("DELETE FROM xattr WHERE ino = ?");
  }

  get(ino: Ino, name: string): Uint8Array | undefined {
    return (this.#get.get(ino, name) as { value: Uint8Array } | undefined)?.value;
  }

  put(ino: Ino, name: string, value: Uint8Array): void {
    this.#put.run(ino, name, value);
  }

  remove(ino: Ino, name: string): void {
    this.#remove.run(ino, name);
  }

  names(ino: Ino): string[] {
    return (this.#names.all(ino) as { name: string }[]).map((row) => row.name);
  }

  removeAll(ino: Ino): void {
    this.#removeAll.run(ino);
  }
}

export class SqliteOrphanTable implements OrphanTable {
  readonly #add: StatementSync;
  readonly #remove: StatementSync;
  readonly #list: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare("INSERT OR IGNORE INTO orphan (ino) VALUES (?)");
    this.#remove = database.prepare("DELETE FROM orphan WHERE ino = ?");
    this.#list = database.prepare("SELECT ino FROM orphan ORDER BY ino");
  }

  add(ino: Ino): void {
    this.#add.run(ino);
  }

  remove(ino: Ino): void {
    this.#remove.run(ino);
  }

  list(): Ino[] {
    return (this.#list.all() as { ino: number }[]).map((row) => toIno(row.ino));
  }
}

export class SqliteSettingTable implements SettingTable {
  readonly #get: StatementSync;
  readonly #put: StatementSync;

  constructor(database: DatabaseSync) {
    this.#get = database.prepare("SELECT value FROM setting WHERE name = ?");
    this.#put = database.prepare("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)");
  }

  getNumber(name: string): number | undefined {
    const value = this.#value(name);
    return typeof value === "number" ? value : undefined;
  }

  putNumber(name: string, value: number): void {
    this.#put.run(name, value);
  }

  getText(name: string): string | undefined {
    const value = this.#value(name);
    return typeof value === "string" ? value : undefined;
  }

  putText(name: string, value: string): void {
    this.#put.run(name, value);
  }

  #value(name: string): unknown {
    return (this.#get.get(name) as { value: unknown } | undefined)?.value;
  }
}
