/**
 * Looks behind a damaged place for records that tell how far the journal was flushed (rule J6): if one of them says the
 * damaged record was flushed, it is not a torn tail. The chain is broken there, so records are found by their segment's
 * tag, a random word that no earlier life of the file and no user's data know.
 *
 * Why a mark found so may be believed: the tag lies behind jsn and flushedJsn, so when the sectors of a torn header are of
 * different lives, its jsn is an old one, below the segment's first, and it is left out.
 */
import type { Disk } from "./disk.ts";
import { decodeRecordHeader, emptyRecordHeader, RECORD_HEADER_SIZE } from "./record.ts";
import { recordTag, type SegmentHeader } from "./segment.ts";

const READ_SIZE: number = 1024 * 1024;
const TAG_AT = 36;

export interface MarkSearch {
  readonly disk: Disk;
  readonly path: string;
  readonly header: SegmentHeader;
  /** Where in the file to begin. */
  readonly offset: number;
}

/** The highest flushedJsn of any record found; 0 when there is none. */
export function highestMark(search: MarkSearch): number {
  const { disk, header } = search;
  const tag = new Uint8Array(4);
  new DataView(tag.buffer).setUint32(0, recordTag(header.salt), true);
  const record = emptyRecordHeader();
  const buffer = Buffer.alloc(READ_SIZE);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  // Every record takes at least its header: no JSN can be further than that.
  const jsnEnd = header.firstJsn + Math.ceil(header.size / RECORD_HEADER_SIZE);
  let mark = 0;
  const fd = disk.open(search.path, "read");
  try {
    const size = disk.size(fd);
    for (let base = search.offset; base + RECORD_HEADER_SIZE <= size;) {
      const count = disk.read(fd, buffer, 0, Math.min(READ_SIZE, size - base), base);
      let found = buffer.indexOf(tag, TAG_AT);
      for (; found >= 0; found = buffer.indexOf(tag, found + 1)) {
        const at = found - TAG_AT;
        if (at + RECORD_HEADER_SIZE > count) break;
        const isRecord = decodeRecordHeader(view, at, record);
        const isOfSegment = record.jsn >= header.firstJsn && record.jsn < jsnEnd;
        if (isRecord && isOfSegment) mark = Math.max(mark, record.flushedJsn);
      }
      if (count < READ_SIZE) break;
      // A header across two reads is seen by the second.
      base += READ_SIZE - RECORD_HEADER_SIZE + 1;
    }
  } finally {
    disk.close(fd);
  }
  return mark;
}
