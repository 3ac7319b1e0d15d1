/**
 * What fsck tells of a journal directory: its segments, where the log ends, what is wrong. Changes nothing, and goes on
 * where recovery would refuse.
 */
import { FsError } from "../core/fs-error.ts";
import { toHex } from "../core/hex.ts";
import type { AppendedEnd } from "./appended-end.ts";
import type { Disk } from "./disk.ts";
import { parseSpareName } from "./segment.ts";
import { listSegments, scanJournal, type ScanOptions, type SegmentFileName } from "./scan.ts";

export interface InspectOptions {
  readonly disk: Disk;
  readonly dir: string;
  /** The journal SQLite's position names; without it the first segment's. */
  readonly uuid?: Uint8Array;
  /** The first record that is still needed; without it, the first that is there. */
  readonly fromJsn?: number;
  readonly flushedJsnKnown?: number;
  /** Of a journal that is in use: what was acknowledged before this began. What comes behind it is in the making. */
  readonly appendedEndKnown?: AppendedEnd;
}

export interface InspectedSegment {
  readonly path: string;
  readonly number: number;
  /** Where the log has it: a `superseded` file's records were replaced, a `void` one has no header of its own. */
  readonly state: "live" | "superseded" | "void" | "unknown";
  /** undefined where there is no header. */
  readonly firstJsn: number | undefined;
}

export interface Inspection {
  /** In hex; empty when no segment has a header. */
  readonly uuid: string;
  readonly segments: readonly InspectedSegment[];
  readonly spareCount: number;
  /** 0 when the log could not be read at all. */
  readonly lastJsn: number;
  readonly flushedJsn: number;
  /** Where and why reading ended, when it began. */
  readonly tail:
    | { readonly path: string; readonly offset: number; readonly reason: string }
    | undefined;
  /** Sentences; empty when recovery would succeed. */
  readonly problems: readonly string[];
}

/** Throws only what the disk throws. Checks the data of every WRITE from fromJsn on. */
export function inspect(options: InspectOptions): Inspection {
  const { disk, dir } = options;
  const problems: string[] = [];
  const spareCount = disk.list(dir).filter((name) => parseSpareName(name) !== undefined).length;
  const nothing = {
    uuid: "",
    segments: [],
    spareCount,
    lastJsn: 0,
    flushedJsn: 0,
    tail: undefined,
  };
  const files = attempt(problems, () => listSegments(disk, dir));
  if (files === undefined) return { ...nothing, problems };
  const first = files.find((file) => file.header !== undefined)?.header;
  const uuid = options.uuid ?? first?.uuid;
  if (first === undefined || uuid === undefined)
    return { ...nothing, segments: describe(files), problems: [`${dir} holds no journal segment`] };
  const scanOptions: ScanOptions = {
    disk,
    dir,
    uuid,
    fromJsn: options.fromJsn ?? first.firstJsn,
    flushedJsnKnown: options.flushedJsnKnown ?? 0,
    appendedEndKnown: options.appendedEndKnown,
    verifyPayloads: true,
  };
  const scan = attempt(problems, () => scanJournal(scanOptions));
  if (scan === undefined)
    return { ...nothing, uuid: toHex(uuid), segments: describe(files), problems };
  if (scan.error) problems.push(scan.error.message);
  const live = new Set(scan.live.map((segment) => segment.path));
  const { lastJsn, flushedJsn, tail } = scan;
  const segments = describe(files, live);
  return { uuid: toHex(uuid), segments, spareCount, lastJsn, flushedJsn, tail, problems };
}

function describe(
  files: readonly SegmentFileName[],
  live?: ReadonlySet<string>,
): InspectedSegment[] {
  return files.map(({ path, number, header }) => ({
    path,
    number,
    state: stateOf(header !== undefined, live?.has(path)),
    firstJsn: header?.firstJsn,
  }));
}

function stateOf(hasHeader: boolean, isLive: boolean | undefined): InspectedSegment["state"] {
  if (!hasHeader) return "void";
  if (isLive === undefined) return "unknown";
  return isLive ? "live" : "superseded";
}

/** A refusal of the journal's becomes a problem; anything else is thrown. */
function attempt<T>(problems: string[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const isRefusal =
      error instanceof FsError && (["EIO", "ESTALE", "EPROTO"] as string[]).includes(error.code);
    if (!isRefusal) throw error;
    problems.push(error.message);
    return undefined;
  }
}
