/** Journals for tests: a simulated disk, small segments, and a log of what a recovery showed. */
import { Prng } from "../../src/core/prng.ts";
import {
  type Journal,
  type JournalOptions,
  JournalScratch,
  type WriteFields,
} from "../../src/journal/journal.ts";
import { recover, type Recovered, type RecoverOptions } from "../../src/journal/recovery.ts";
import { emptyWriteArgs, WRITE_HEADER_SIZE } from "../../src/journal/record.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

export const JOURNAL_DIR = "/state/journal";
export const JOURNAL_UUID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
export const SMALL_SEGMENT_SIZE = 16_384;

export function journalOptions(disk: SimulatedDisk, seed = 1): JournalOptions {
  return {
    disk,
    dir: JOURNAL_DIR,
    uuid: JOURNAL_UUID,
    random: new Prng(seed),
    limits: { segmentSize: SMALL_SEGMENT_SIZE, totalSizeMax: 6 * SMALL_SEGMENT_SIZE },
  };
}

export function newDisk(seed = 1): SimulatedDisk {
  return new SimulatedDisk({ prng: new Prng(seed) });
}

/** Appends an operation of kind 7 whose payload is `text`; its unique is twice its JSN. */
export function appendText(journal: Journal, text: string): number {
  const scratch = new JournalScratch();
  scratch.latin1(text);
  if (journal.reserve(scratch.length) !== "ok") throw new Error("the journal is full");
  const unique = 2 * (journal.lastJsn + 1);
  return journal.append({ kind: 7, version: 3, unique, connection: 5 }, scratch);
}

/** Appends a WRITE to inode 9 at `offset`. Returns the fields as the journal left them. */
export function appendData(journal: Journal, data: Uint8Array, offset = 0): WriteFields {
  const request = new Uint8Array(WRITE_HEADER_SIZE + data.length);
  request.set(data, WRITE_HEADER_SIZE);
  const fields: WriteFields = {
    ...emptyWriteArgs(),
    ino: 9,
    offset,
    dataLength: data.length,
    unique: 2 * (journal.lastJsn + 1),
    connection: 5,
    spareSize: 0,
  };
  if (journal.reserveWrite(data.length) !== "ok") throw new Error("the journal is full");
  journal.appendWrite(fields, request, 0);
  return fields;
}

export interface Replayed extends Recovered {
  /** `jsn:text` for an operation, `jsn:w<length>@<offset>` for a WRITE. */
  readonly seen: readonly string[];
}

/** Recovers and writes down what the visitor was shown. */
export function replayed(options: RecoverOptions): Replayed {
  const seen: string[] = [];
  const recovered = recover(options, {
    operation: (header, bytes, at, length) => {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + at + 1, length - 1);
      seen.push(`${header.jsn}:${text.toString("latin1")}`);
    },
    write: (header, args) => {
      seen.push(`${header.jsn}:w${args.dataLength}@${args.offset}`);
    },
  });
  return { ...recovered, seen };
}
