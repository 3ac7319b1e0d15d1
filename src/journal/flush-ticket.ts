/**
 * A flush that another thread runs while the engine goes on appending: `beginFlush` gives the ticket, `runFlush` does the
 * waiting, the engine learns of the end by `completeFlush` or `failFlush`.
 *
 * What always holds: until then none of the ticket's files is closed or recycled; a failed ticket is never run again
 * (rule J2: after a failed fdatasync the kernel may have dropped the pages and say yes the next time).
 */
import type { Disk } from "./disk.ts";

/** A plain object: it may be posted to another thread of this process. */
export interface FlushTicket {
  /** Descriptors of the segments that hold what is to be flushed. */
  readonly fds: readonly number[];
  /** To be synced too, for a segment in it is newly named (rule J6). */
  readonly directory: string | undefined;
  /** What `completeFlush` makes the flushed mark. */
  readonly upToJsn: number;
  /** Record bytes ever appended up to there; the journal's own account. */
  readonly upToSize: number;
}

/** Blocks until everything is durable; throws what the disk throws. */
export function runFlush(disk: Disk, ticket: FlushTicket): void {
  for (const fd of ticket.fds) disk.datasync(fd);
  if (ticket.directory !== undefined) disk.syncDirectory(ticket.directory);
}
