/**
 * Directory entries, twice: by name for lookups, by cookie for readdir. Both rows carry the target, so that either
 * is answered by one search. `target` = ino x 16 + type.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { toIno, type Ino } from "../../core/ids.ts";
import type { Dentry, DentryTable, DentryTarget } from "../tables.ts";

const TYPE_SPAN = 16;

export class SqliteDentryTable implements DentryTable {
  readonly #get: StatementSync;
  readonly #insertName: StatementSync;
  readonly #insertOrder: StatementSync;
  readonly #removeName: StatementSync;
  readonly #removeOrder: StatementSync;
  readonly #retargetName: StatementSync;
  readonly #retargetOrder: StatementSync;
  readonly #list: StatementSync;
  readonly #any: StatementSync;

  constructor(database: DatabaseSync) {
    this.#get = database.prepare("SELECT target, cookie FROM dentry WHERE parent = ? AND name = ?");
    this.#get.setReturnArrays(true);
    this.#insertName = database.prepare(
      "INSERT INTO dentry (parent, name, target, cookie) VALUES (?, ?, ?, ?)",
    );
    this.#insertOrder = database.prepare(
      "INSERT INTO dirorder (parent, cookie, name, target) VALUES (?, ?, ?, ?)",
    );
    this.#removeName = database.prepare("DELETE FROM dentry WHERE parent = ? AND name = ?");
    this.#removeOrder = database.prepare("DELETE FROM dirorder WHERE parent = ? AND cookie = ?");
    this.#retargetName = database.prepare(
      "UPDATE dentry SET target = ? WHERE parent = ? AND name = ?",
    );
    this.#retargetOrder = database.prepare(
      "UPDATE dirorder SET target = ? WHERE parent = ? AND cookie = ?",
    );
    this.#list = database.prepare(
      "SELECT name, target, cookie FROM dirorder WHERE parent = ? AND cookie > ? ORDER BY cookie LIMIT ?",
    );
    this.#list.setReturnArrays(true);
    this.#any = database.prepare("SELECT 1 FROM dirorder WHERE parent = ? LIMIT 1");
  }

  get(parent: Ino, name: string): DentryTarget | undefined {
    const row = this.#get.get(parent, name) as unknown as [number, number] | undefined;
    if (row === undefined) return undefined;
    return toTarget(row[0], row[1]);
  }

  insert(parent: Ino, dentry: Dentry): void {
    const target = dentry.ino * TYPE_SPAN + dentry.type;
    this.#insertName.run(parent, dentry.name, target, dentry.cookie);
    this.#insertOrder.run(parent, dentry.cookie, dentry.name, target);
  }

  remove(parent: Ino, dentry: Dentry): void {
    this.#removeName.run(parent, dentry.name);
    this.#removeOrder.run(parent, dentry.cookie);
  }

  retarget(parent: Ino, dentry: Dentry): void {
    const target = dentry.ino * TYPE_SPAN + dentry.type;
    this.#retargetName.run(target, parent, dentry.name);
    this.#retargetOrder.run(target, parent, dentry.cookie);
  }

  list(parent: Ino, after: number, limit: number): Dentry[] {
    const rows = this.#list.all(parent, after, limit) as unknown as [string, number, number][];
    return rows.map((row) => {
      const type = row[1] % TYPE_SPAN;
      return { name: row[0], ino: toIno((row[1] - type) / TYPE_SPAN), type, cookie: row[2] };
    });
  }

  isEmpty(parent: Ino): boolean {
    return this.#any.get(parent) === undefined;
  }
}

function toTarget(target: number, cookie: number): DentryTarget {
  const type = target % TYPE_SPAN;
  return { ino: toIno((target - type) / TYPE_SPAN), type, cookie };
}
