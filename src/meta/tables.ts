/**
 * The table-level port under the metadata: what an engine (SQLite today) must offer. One interface a noun.
 *
 * All calls are synchronous and happen inside one open transaction, which only the cut commits. Rows are plain
 * values; names are latin1 strings, one character a byte. A miss is `undefined`.
 */
import type { Ino, PackId } from "../core/ids.ts";
import type { Inode } from "./inode.ts";

export interface InodeTable {
  get(ino: Ino): Inode | undefined;
  /** Inserts or replaces the row. */
  put(inode: Inode): void;
  remove(ino: Ino): void;
  count(): number;
}

/** What a directory entry points at. `type` is the S_IFMT bits shifted right by 12 (DT_*). */
export interface DentryTarget {
  readonly ino: Ino;
  readonly type: number;
  readonly cookie: number;
}

export interface Dentry extends DentryTarget {
  readonly name: string;
}

export interface DentryTable {
  get(parent: Ino, name: string): DentryTarget | undefined;
  insert(parent: Ino, dentry: Dentry): void;
  /** `dentry` must be what is stored. */
  remove(parent: Ino, dentry: Dentry): void;
  /** Points an existing name at another inode; its cookie stays. */
  retarget(parent: Ino, dentry: Dentry): void;
  /** At most `limit` entries with a cookie above `after`, in order of cookie. */
  list(parent: Ino, after: number, limit: number): Dentry[];
  isEmpty(parent: Ino): boolean;
}

export interface SymlinkTable {
  get(ino: Ino): string | undefined;
  put(ino: Ino, target: string): void;
  remove(ino: Ino): void;
}

export interface XattrTable {
  get(ino: Ino, name: string): Uint8Array | undefined;
  put(ino: Ino, name: string, value: Uint8Array): void;
  remove(ino: Ino, name: string): void;
  /** In order of name. */
  names(ino: Ino): string[];
  removeAll(ino: Ino): void;
}

/**
 * Where a range of a file is stored. Rows of one file never overlap: a newer slice has already cut away what it
 * covers. `pack` 0 is allocated space that reads as zeros (fallocate).
 */
export interface SliceRow {
  /** First byte in the file. */
  readonly pos: number;
  readonly length: number;
  readonly pack: PackId;
  /** Index of the block in its pack. */
  readonly index: number;
  /** First byte in the block's plain bytes. */
  readonly offset: number;
}

export interface SliceTable {
  /** The rows that overlap [start, end), in order of position. */
  overlapping(ino: Ino, start: number, end: number): SliceRow[];
  /** Whether a row ends after `position`. */
  anyFrom(ino: Ino, position: number): boolean;
  insert(ino: Ino, row: SliceRow): void;
  remove(ino: Ino, pos: number): void;
  /** At most `limit` files and rows that refer to a pack, from `(ino, pos)` on; for repacking and fsck. */
  referencing(pack: PackId): { ino: Ino; row: SliceRow }[];
}

/** Life of a pack. */
export const PackState = {
  /** Planned in a cut; its bytes are still in the journal. */
  PENDING: 0,
  /** Its object is in the store. */
  STORED: 1,
} as const;

export interface PackRow {
  readonly id: PackId;
  state: number;
  /** Bytes of the object; 0 while it is pending. */
  storedSize: number;
  /** Plain bytes that were put in. */
  plainSize: number;
  /** Plain bytes that slices still refer to (shared bytes count each time). */
  liveSize: number;
  /** Rows of the slice table that refer to it; 0 = dead. */
  refCount: number;
  /** Cut that made it, and the one in which it died (0 = alive). */
  bornCut: number;
  diedCut: number;
}

export interface PackTable {
  get(id: PackId): PackRow | undefined;
  put(row: PackRow): void;
  remove(id: PackId): void;
  /** Ordered by id. */
  list(): PackRow[];
}

/** Inodes without a name that something may still hold open. */
export interface OrphanTable {
  add(ino: Ino): void;
  remove(ino: Ino): void;
  list(): Ino[];
}

/** A pending pack's plan: opaque bytes of vfs (rule K2). */
export interface PlanTable {
  put(pack: PackId, plan: Uint8Array): void;
  remove(pack: PackId): void;
  list(): { pack: PackId; plan: Uint8Array }[];
}

/** Named numbers and short texts: counters, the position, usage, volume-wide settings. */
export interface SettingTable {
  getNumber(name: string): number | undefined;
  putNumber(name: string, value: number): void;
  getText(name: string): string | undefined;
  putText(name: string, value: string): void;
}

export interface MetaTables {
  readonly inodes: InodeTable;
  readonly dentries: DentryTable;
  readonly symlinks: SymlinkTable;
  readonly xattrs: XattrTable;
  readonly slices: SliceTable;
  readonly packs: PackTable;
  readonly orphans: OrphanTable;
  readonly plans: PlanTable;
  readonly settings: SettingTable;
  /** Begins the one long transaction. */
  begin(): void;
  commit(): void;
  /** False after SQLite rolled back by itself (full disk): rule J2. */
  inTransaction(): boolean;
  close(): void;
}
