/**
 * Checks the metadata of one committed instant: that the tree is a tree, that every count is what a recount gives, that
 * every row belongs to something. Reads only; one pass over each table.
 */
import { toIno } from "../../core/ids.ts";
import { Counter } from "../../meta/meta-state.ts";
import { InodeFlag, type Inode } from "../../meta/inode.ts";
import type { SqliteTables } from "../../meta/sqlite/sqlite-tables.ts";
import type { ProblemList } from "./problem.ts";

const ROOT = 1;
const DIRECTORY_TYPE = 4;
/** Between two looks at the signal. */
const STEP_COUNT = 4096;

interface Counted {
  /** Entries that name an inode; of a directory its subdirectories. */
  readonly links: Map<number, number>;
  readonly subdirectories: Map<number, number>;
}

/** Returns how many inodes there are. */
export function checkMetadata(
  tables: SqliteTables,
  problems: ProblemList,
  signal: AbortSignal,
): number {
  for (const text of tables.integrityProblems()) problems.add("database", text);
  const counted = countLinks(tables, problems, signal);
  const count = checkInodes(tables, problems, counted, signal);
  checkStrayRows(tables, problems);
  checkSlices(tables, problems);
  return count;
}

function countLinks(tables: SqliteTables, problems: ProblemList, signal: AbortSignal): Counted {
  const links = new Map<number, number>();
  const subdirectories = new Map<number, number>();
  const query = tables.database.prepare(
    `SELECT d.parent AS parent, d.name AS name, d.target AS target, d.cookie AS cookie, o.name AS orderName,
     o.target AS orderTarget FROM dentry d LEFT JOIN dirorder o ON o.parent = d.parent AND o.cookie = d.cookie`,
  );
  let row = 0;
  for (const item of query.iterate()) {
    const entry = item as unknown as {
      parent: number;
      name: string;
      target: number;
      orderName: string | null;
      orderTarget: number | null;
    };
    if (++row % STEP_COUNT === 0) signal.throwIfAborted();
    const type = entry.target % 16;
    const ino = (entry.target - type) / 16;
    if (entry.orderName !== entry.name || entry.orderTarget !== entry.target) {
      problems.add(`inode ${entry.parent}`, `the entry of inode ${ino} is missing from its order`);
    }
    links.set(ino, (links.get(ino) ?? 0) + 1);
    if (type === DIRECTORY_TYPE) {
      subdirectories.set(entry.parent, (subdirectories.get(entry.parent) ?? 0) + 1);
    }
  }
  const ordered = count(tables, "SELECT count(*) AS n FROM dirorder");
  if (ordered !== row) {
    problems.add("database", `${row} names but ${ordered} places in the order of directories`);
  }
  return { links, subdirectories };
}

function checkInodes(
  tables: SqliteTables,
  problems: ProblemList,
  counted: Counted,
  signal: AbortSignal,
): number {
  const orphans = new Set<number>(tables.orphans.list());
  const sums = sliceSums(tables);
  let inodeCount = 0;
  let byteCount = 0;
  for (const row of tables.database.prepare("SELECT ino FROM inode ORDER BY ino").iterate()) {
    const { ino } = row as unknown as { ino: number };
    if (++inodeCount % STEP_COUNT === 0) signal.throwIfAborted();
    const inode = readInode(tables, ino, problems);
    if (inode === undefined) continue;
    byteCount += inode.allocated;
    checkLinks(inode, counted, orphans, problems);
    checkDetails(tables, inode, sums.get(ino) ?? 0, problems);
    counted.links.delete(ino);
    orphans.delete(ino);
  }
  for (const ino of counted.links.keys())
    problems.add(`inode ${ino}`, "is named but does not exist");
  for (const ino of orphans) problems.add(`inode ${ino}`, "is an orphan that does not exist");
  expect(tables, problems, Counter.INODE_COUNT, inodeCount);
  expect(tables, problems, Counter.BYTE_COUNT, byteCount);
  return inodeCount;
}

function readInode(tables: SqliteTables, ino: number, problems: ProblemList): Inode | undefined {
  try {
    return tables.inodes.get(toIno(ino));
  } catch (error) {
    problems.add(`inode ${ino}`, `its row cannot be read: ${String(error)}`);
    return undefined;
  }
}

function checkLinks(
  inode: Inode,
  counted: Counted,
  orphans: ReadonlySet<number>,
  problems: ProblemList,
): void {
  const names = counted.links.get(inode.ino) ?? 0;
  const subject = `inode ${inode.ino}`;
  if (inode.isDirectory()) {
    const isLinked = names === 1 || inode.ino === ROOT;
    const expected = isLinked ? 2 + (counted.subdirectories.get(inode.ino) ?? 0) : 0;
    if (names > 1) problems.add(subject, `is a directory with ${names} names`);
    if (inode.nlink !== expected) {
      problems.add(subject, `has nlink ${inode.nlink}, its entries say ${expected}`);
    }
  } else if (inode.nlink !== names) {
    problems.add(subject, `has nlink ${inode.nlink} but ${names} names`);
  }
  if (names === 0 && inode.ino !== ROOT && !orphans.has(inode.ino)) {
    problems.add(subject, "has no name and is no orphan");
  }
  if (names > 0 && orphans.has(inode.ino)) problems.add(subject, "is an orphan with a name");
}

function checkDetails(
  tables: SqliteTables,
  inode: Inode,
  sliceSum: number,
  problems: ProblemList,
): void {
  const subject = `inode ${inode.ino}`;
  if (inode.allocated !== sliceSum) {
    problems.add(
      subject,
      `says ${inode.allocated} bytes are allocated, its slices have ${sliceSum}`,
    );
  }
  if (inode.isSymlink() && tables.symlinks.get(inode.ino)?.length !== inode.size) {
    problems.add(subject, "is a symbolic link without its target");
  }
  if (inode.has(InodeFlag.XATTR) !== tables.xattrs.names(inode.ino).length > 0) {
    problems.add(subject, "disagrees with its extended attributes");
  }
  if (inode.isDirectory() && inode.nlink > 0 && inode.ino !== ROOT) {
    const parent = tables.inodes.get(toIno(inode.parent));
    if (parent === undefined || !parent.isDirectory()) {
      problems.add(subject, `names inode ${inode.parent} as its parent, which is no directory`);
    }
  }
}

function sliceSums(tables: SqliteTables): Map<number, number> {
  const query = tables.database.prepare("SELECT ino, sum(length) AS n FROM slice GROUP BY ino");
  const sums = new Map<number, number>();
  for (const row of query.iterate()) {
    const { ino, n } = row as unknown as { ino: number; n: number };
    sums.set(ino, n);
  }
  return sums;
}

function checkStrayRows(tables: SqliteTables, problems: ProblemList): void {
  for (const table of ["symlink", "xattr", "slice"]) {
    const query = tables.database.prepare(
      `SELECT DISTINCT ino FROM ${table} WHERE ino NOT IN (SELECT ino FROM inode)`,
    );
    for (const row of query.iterate()) {
      problems.add(`inode ${(row as unknown as { ino: number }).ino}`, `has rows in ${table} only`);
    }
  }
}

/** Slices of a file never overlap; packs are referred to as often and as much as their rows say. */
function checkSlices(tables: SqliteTables, problems: ProblemList): void {
  const overlap = tables.database.prepare(
    `SELECT ino, pos FROM (SELECT ino, pos, max(pos + length) OVER (PARTITION BY ino ORDER BY pos
     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS edge FROM slice) WHERE edge > pos`,
  );
  for (const row of overlap.iterate()) {
    const { ino, pos } = row as unknown as { ino: number; pos: number };
    problems.add(`inode ${ino}`, `two slices overlap at ${pos}`);
  }
  const references = tables.database.prepare(
    `SELECT p.id AS id, p.refs AS refs, p.live AS live, count(s.ino) AS n, coalesce(sum(s.length), 0) AS bytes
     FROM pack p LEFT JOIN slice s ON s.pack = p.id GROUP BY p.id HAVING n <> p.refs OR bytes <> p.live`,
  );
  for (const row of references.iterate()) {
    const { id, refs, live, n, bytes } = row as unknown as Record<string, number>;
    problems.add(
      `pack ${id}`,
      `says ${refs} slices with ${live} bytes refer to it; there are ${n} with ${bytes}`,
    );
  }
  const unknown = tables.database.prepare(
    "SELECT DISTINCT pack FROM slice WHERE pack <> 0 AND pack NOT IN (SELECT id FROM pack)",
  );
  for (const row of unknown.iterate()) {
    problems.add(
      `pack ${(row as unknown as { pack: number }).pack}`,
      "is referred to, but has no row",
    );
  }
}

function expect(tables: SqliteTables, problems: ProblemList, name: string, found: number): void {
  const said = tables.settings.getNumber(name);
  if (said !== found) problems.add("volume", `${name} says ${said}, a recount gives ${found}`);
}

function count(tables: SqliteTables, sql: string): number {
  return (tables.database.prepare(sql).get() as unknown as { n: number }).n;
}
