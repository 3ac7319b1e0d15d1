/** The inode table: the row is one compact blob (meta/inode.ts). */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { ByteReader } from "../../core/byte-reader.ts";
import { ByteWriter } from "../../core/byte-writer.ts";
import type { Ino } from "../../core/ids.ts";
import { decodeInode, encodeInode, type Inode } from "../inode.ts";
import type { InodeTable } from "../tables.ts";

/** A row has at most 20 varints. */
const ROW_SIZE_MAX = 256;

export class SqliteInodeTable implements InodeTable {
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #count: StatementSync;
  readonly #writer = new ByteWriter({ size: ROW_SIZE_MAX, start: 0, sizeMax: ROW_SIZE_MAX });
  readonly #reader = new ByteReader();

  constructor(database: DatabaseSync) {
    this.#get = database.prepare("SELECT attr FROM inode WHERE ino = ?");
    this.#get.setReturnArrays(true);
    this.#put = database.prepare("INSERT OR REPLACE INTO inode (ino, attr) VALUES (?, ?)");
    this.#remove = database.prepare("DELETE FROM inode WHERE ino = ?");
    this.#count = database.prepare("SELECT count(*) AS n FROM inode");
  }

  get(ino: Ino): Inode | undefined {
    const row = this.#get.get(ino) as unknown as [Uint8Array] | undefined;
    if (row === undefined) return undefined;
    return decodeInode(this.#reader.open(row[0], 0, row[0].length), ino);
  }

  put(inode: Inode): void {
    this.#writer.reset();
    encodeInode(this.#writer, inode);
    this.#put.run(inode.ino, this.#writer.buffer.subarray(0, this.#writer.at));
  }

  remove(ino: Ino): void {
    this.#remove.run(ino);
  }

  count(): number {
    return (this.#count.get() as { n: number }).n;
  }
}
