/**
 * One live segment as the engine holds it: its descriptors and how far it is written.
 *
 * What always holds: a segment has two descriptors of their own open file descriptions. The kernel reports a failed
 * write-back once to each, so a flush helper that has seen an error cannot hide it from the engine's own flush (rule J2).
 * The header is in the file before the file has its name. Source: the kernel's Documentation/filesystems/vfs.rst,
 * "Handling errors during writeback".
 */
import { join } from "node:path";
import type { Disk } from "./disk.ts";
import {
  encodeSegmentHeader,
  SEGMENT_HEADER_SIZE,
  segmentName,
  type SegmentHeader,
} from "./segment.ts";

/** A file that waits to become a segment. */
export interface SpareFile {
  readonly path: string;
  readonly fd: number;
  readonly flushFd: number;
}

export interface SegmentFile {
  readonly header: SegmentHeader;
  readonly path: string;
  /** The engine's descriptor: appends, reads, inline flushes. */
  readonly fd: number;
  /** The flush helper's. */
  readonly flushFd: number;
  /** Where the next record begins. */
  end: number;
  /** firstJsn - 1 while the segment is empty. */
  lastJsn: number;
  /** The directory was synced since the file got its name (rule J6). */
  isNameDurable: boolean;
  /** A flush ticket holds `flushFd`: the file must not be recycled. */
  isFlushing: boolean;
  /** Plans that still read it (rule K2). */
  pinCount: number;
}

/** Writes the header into the spare and gives it the segment's name. */
export function beginSegment(
  disk: Disk,
  spare: SpareFile,
  place: { readonly dir: string; readonly header: SegmentHeader },
): SegmentFile {
  writeSegmentHeader(disk, spare.fd, place.header);
  return nameSegment(disk, spare, place);
}

export function writeSegmentHeader(disk: Disk, fd: number, header: SegmentHeader): void {
  const sector = new Uint8Array(SEGMENT_HEADER_SIZE);
  encodeSegmentHeader(sector, 0, header);
  disk.write(fd, sector, 0, sector.length, 0);
}

/** Gives a spare that already has its header the segment's name. */
export function nameSegment(
  disk: Disk,
  spare: SpareFile,
  place: { readonly dir: string; readonly header: SegmentHeader },
): SegmentFile {
  const path = join(place.dir, segmentName(place.header.number));
  disk.rename(spare.path, path);
  return {
    header: place.header,
    path,
    fd: spare.fd,
    flushFd: spare.flushFd,
    end: SEGMENT_HEADER_SIZE,
    lastJsn: place.header.firstJsn - 1,
    isNameDurable: false,
    isFlushing: false,
    pinCount: 0,
  };
}

export function openSpare(disk: Disk, path: string): SpareFile {
  const fd = disk.open(path, "write");
  return { path, fd, flushFd: disk.open(path, "write") };
}
