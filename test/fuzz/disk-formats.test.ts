/** What lies on the disk: packs, journal segments, records, rows. Checksummed bytes are taken as they were or refused. */
import assert from "node:assert/strict";
import { ByteReader } from "../../src/core/byte-reader.ts";
import { ByteWriter } from "../../src/core/byte-writer.ts";
import { toIno, toPackId } from "../../src/core/ids.ts";
import { Prng } from "../../src/core/prng.ts";
import { decodePosition } from "../../src/cut/position.ts";
import { Journal } from "../../src/journal/journal.ts";
import { SEGMENT_HEADER_SIZE, segmentName } from "../../src/journal/segment.ts";
import { decodeAcl, encodeAcl } from "../../src/meta/acl.ts";
import { decodeInode, encodeInode, Inode } from "../../src/meta/inode.ts";
import { CacheMap } from "../../src/pack/cache-map.ts";
import { FrameCache } from "../../src/pack/frame-cache.ts";
import { PackReader, readPackIndexSync } from "../../src/pack/reader.ts";
import { decodePlan, encodePlan } from "../../src/vfs/planned-pack.ts";
import { decodeVolumeConfig, encodeVolumeConfig } from "../../src/volume/volume-config.ts";
import {
  appendData,
  appendText,
  JOURNAL_DIR,
  journalOptions,
  newDisk,
  replayed,
} from "../support/journal-fixture.ts";
import {
  IDENTITY,
  makePack,
  MemorySource,
  noiseBlock,
  textBlock,
} from "../support/pack-fixture.ts";
import { aclValue } from "../support/acl-values.ts";
import { recordedOperations } from "../support/recorded-payloads.ts";
import type { FuzzTarget } from "./fuzzer.ts";
import { fuzzSuite } from "./fuzz-suite.ts";

/** A disk is made for each input of the journal's target; a pack is read to its end. */
const COSTLY_SHARE = 0.1;
/** What SQLite would know: everything is replayed, and nothing was flushed for certain. */
const KNOWN = { fromJsn: 1, flushedJsnKnown: 0 };
/** What is written at the begin of a segment's header, and of its records: all of them, and some of the room behind. */
const SEGMENT_FIELDS_SIZE = 96;
const RECORDS_SIZE = 1100;
const HEX = "000102030405060708090a0b0c0d0e0f";

function packTarget(): FuzzTarget {
  const prng = new Prng(1);
  const blocks = [textBlock(prng, 3000), noiseBlock(prng, 500), textBlock(prng, 140_000)];
  const { bytes: whole } = makePack(blocks, "adaptive");
  const frames = new FrameCache();
  return {
    name: "a pack",
    corpus: [whole],
    read(bytes) {
      const source = new MemorySource(bytes);
      const reader = new PackReader(
        readPackIndexSync(source, IDENTITY),
        source,
        frames,
        frames.newReaderKey(),
      );
      for (const [index, block] of blocks.entries()) {
        const into = new Uint8Array(block.length);
        reader.readBlockSync(index, 0, block.length, into, 0);
        assert.ok(Buffer.compare(into, block) === 0, `block ${index} was read wrong`);
      }
    },
  };
}

function journalTarget(): FuzzTarget {
  const disk = newDisk();
  const journal = Journal.create(journalOptions(disk));
  for (let index = 0; index < 12; index++) {
    if (index % 3 === 0) appendData(journal, new Uint8Array(50 + index).fill(index), index);
    else appendText(journal, `operation ${index}`);
    if (index === 6) journal.flush();
  }
  journal.flush();
  const { seen } = replayed({ ...journalOptions(disk.fork(new Prng(1))), ...KNOWN });
  const path = `${JOURNAL_DIR}/${segmentName(1)}`;
  const whole = disk.contentOf(path);
  const header = whole.slice(0, SEGMENT_FIELDS_SIZE);
  const records = whole.slice(SEGMENT_HEADER_SIZE, SEGMENT_HEADER_SIZE + RECORDS_SIZE);
  return {
    name: "a journal segment",
    corpus: [new Uint8Array(Buffer.concat([header, records]))],
    read(bytes) {
      const copy = disk.fork(new Prng(1));
      const content = copy.contentOf(path);
      content.fill(0);
      content.set(bytes.subarray(0, header.length));
      content.set(bytes.subarray(header.length), SEGMENT_HEADER_SIZE);
      const found = replayed({ ...journalOptions(copy), ...KNOWN });
      found.journal[Symbol.dispose]();
      assert.deepEqual(found.seen, seen.slice(0, found.seen.length), "a record was read wrong");
    },
  };
}

async function recordTarget(): Promise<FuzzTarget> {
  const { payloads, decode } = await recordedOperations();
  return { name: "an operation's record", corpus: payloads, read: decode };
}

function planTarget(): FuzzTarget {
  const record = { segment: 1, dataAt: 300, dataLength: 5000, dataCrc: 7 };
  const block = { pack: toPackId(3), index: 2, dataLength: 70_000 };
  const blocks = [
    { ino: toIno(9), pos: 0, length: 5000, pieces: [{ source: record, skip: 0, length: 5000 }] },
    { ino: toIno(10), pos: 4096, length: 60, pieces: [{ source: block, skip: 9, length: 60 }] },
  ];
  const plan = encodePlan({ id: toPackId(7), blocks, plainSize: 5060 });
  return { name: "a plan", corpus: [plan], read: (bytes) => decodePlan(toPackId(7), bytes) };
}

function inodeTarget(): FuzzTarget {
  const inode = new Inode(toIno(7));
  Object.assign(inode, { mode: 0o100644, uid: 1000, nlink: 1, size: 5, mtimeSec: 9, rdev: 3 });
  const into = new ByteWriter({ size: 256, start: 0, sizeMax: 256 });
  encodeInode(into, inode);
  return {
    name: "an inode's row",
    corpus: [into.buffer.slice(0, into.at)],
    read: (bytes) => decodeInode(new ByteReader().open(bytes, 0, bytes.length), toIno(7)),
  };
}

const POSITION = {
  timeline: HEX,
  txid: 3,
  epoch: 0,
  journal: HEX,
  jsn: 9,
  flushedJsn: 9,
  timeMs: 1,
  clean: false,
};
const CONFIG = {
  format: 1,
  uuid: HEX,
  timeline: HEX,
  createdMs: 1,
  compression: "adaptive",
  acl: false,
} as const;

const ROWS: readonly FuzzTarget[] = [
  planTarget(),
  inodeTarget(),
  {
    name: "the position",
    corpus: [textBytes(JSON.stringify(POSITION))],
    read: (bytes) => decodePosition(Buffer.from(bytes).toString()),
  },
  {
    name: "volume.json",
    corpus: [encodeVolumeConfig(CONFIG)],
    read: (bytes) => decodeVolumeConfig(bytes, "volume.json"),
  },
  {
    name: "a cache map",
    corpus: [new CacheMap(9_000_000).encode()],
    read(bytes, original) {
      const again = CacheMap.decode(bytes).encode();
      assert.deepEqual(again, new Uint8Array(original ?? bytes), "it was read wrong");
    },
  },
  {
    name: "an ACL",
    corpus: [aclValue("u::rw-,u:1000:r--,g::r--,m::r--,o::---")],
    read(bytes) {
      const entries = decodeAcl(bytes);
      if (entries !== undefined) assert.deepEqual(decodeAcl(encodeAcl(entries)), entries);
    },
  },
  await recordTarget(),
];

fuzzSuite("rows and records", ROWS);
fuzzSuite("packs and journals", [packTarget(), journalTarget()], { share: COSTLY_SHARE });

function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
