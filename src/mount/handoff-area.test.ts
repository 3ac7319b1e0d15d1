import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { FsError } from "../core/fs-error.ts";
import {
  createHandoffFile,
  HANDOFF_AREA_SIZE,
  HandoffArea,
  mapHandoffFile,
  type FuseSession,
} from "./handoff-area.ts";
import { DEFERRED_COUNT, DeferredKind, type DeferredRequest } from "./deferred-table.ts";
import { SLOT_HEADER_SIZE } from "./request-slot.ts";

const SESSION: FuseSession = {
  minor: 44,
  flags: 0x8123_4567,
  flags2: 0x89ab_cdef,
  maxWrite: 1_048_576,
  maxPages: 256,
  maxReadahead: 524_288,
};

const ENTRY: DeferredRequest = {
  kind: DeferredKind.FSYNC,
  opcode: 15,
  uniqueLow: 0xfeed_beef,
  uniqueHigh: 0x7000_0001,
  nodeid: 2 ** 40 + 3,
};

function uuid(fill: number): Uint8Array {
  return new Uint8Array(16).fill(fill);
}

function freshArea(): { buffer: ArrayBuffer; area: HandoffArea } {
  const buffer = new ArrayBuffer(HANDOFF_AREA_SIZE);
  return { buffer, area: HandoffArea.create(buffer, 0xc0ff_ee01) };
}

/** A request of `size` bytes as the kernel would leave it in the buffer. */
function deliver(area: HandoffArea, size: number, unique: number): void {
  const bytes = area.request.bytes;
  for (let i = 0; i < size; i++) bytes[i] = (i * 7 + unique) & 0xff;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(0, size, true);
  view.setUint32(8, unique, true);
}

/** Hex with spaces for the reader. */
function packed(text: string): string {
  return text.replaceAll(" ", "");
}

function hex(buffer: ArrayBuffer, at: number, size: number): string {
  return Buffer.from(buffer, at, size).toString("hex");
}

describe("HandoffArea layout", () => {
  it("has the offsets its header states", () => {
    const { buffer, area } = freshArea();
    area.setSession(SESSION);
    area.nextGeneration();
    area.nextGeneration();
    area.appendedEnd.begin({ journalUuid: uuid(0x11), segment: 3, offset: 4096, jsn: 9 });
    area.appendedEnd.set(3, 2 ** 33 + 5, 2 ** 32 + 10);
    area.status.answered();
    area.deferred.add(ENTRY);
    deliver(area, 100, 5);
    area.request.saveHeader();

    assert.equal(HANDOFF_AREA_SIZE, 1_081_344);
    assert.equal(
      hex(buffer, 0, 80),
      packed(
        "53484f414c484e44 02000000 00801000 01eeffc0 02000000 01000000 00000000 2c000000 67452381 efcdab89 00001000 00010000 00000800",
      ) + "00".repeat(24),
    );
    assert.equal(hex(buffer, 4096, 4), "02000000", "sequence");
    assert.equal(
      hex(buffer, 4096 + 64, 24),
      packed("03000000 01000000 0500000002000000 0a00000001000000"),
    );
    assert.equal(
      hex(buffer, 4096 + 128, 24),
      packed("03000000 01000000 0010000000000000 0900000000000000"),
    );
    assert.equal(hex(buffer, 4096 + 208, 16), "11".repeat(16));
    assert.equal(hex(buffer, 8192, 8), "000000000000f03f");
    assert.equal(
      hex(buffer, 12_288, 32),
      packed("01000000 0f000000 efbeedfe 01000070 0030000000007042 0000000000000000"),
    );
    assert.equal(
      hex(buffer, 20_480, 24),
      packed("01000000 00000000 00000000 00000000 64000000 21282f36"),
    );
    const data = Buffer.from(buffer, 28_672, 20);
    assert.deepEqual(
      [...data],
      Array.from({ length: 20 }, (_, i) => ((80 + i) * 7 + 5) & 0xff),
    );
    assert.equal(
      createHash("sha256").update(Buffer.from(buffer)).digest("hex"),
      "72102bb9cf6de663b3f97bdbd07cbc3d7b71e698fd413dd563df7a2c7ee44d34",
    );
  });

  it("reads back what was written, in another mapping of the same file", () => {
    const { fd, area } = createHandoffFile();
    area.setSession(SESSION);
    area.nextGeneration();
    area.appendedEnd.begin({
      journalUuid: uuid(0x22),
      segment: 1,
      offset: 2 ** 50,
      jsn: 2 ** 53 - 1,
    });
    const index = area.deferred.add(ENTRY);
    area.status.answered();
    const other = mapHandoffFile(fd);
    assert.deepEqual(other.session, SESSION);
    assert.equal(other.generation, 1);
    assert.equal(other.connectionId, area.connectionId);
    assert.notEqual(other.connectionId, 0);
    assert.deepEqual(other.appendedEnd.get(), {
      journalUuid: uuid(0x22),
      segment: 1,
      offset: 2 ** 50,
      jsn: 2 ** 53 - 1,
    });
    assert.deepEqual(other.deferred.get(index), ENTRY);
    assert.equal(other.status.answerCount, 1);
  });

  it("has neither session nor journal end before they are set", () => {
    const { area } = freshArea();
    assert.equal(area.session, undefined);
    assert.equal(area.appendedEnd.get(), undefined);
    assert.equal(area.request.recover(), 0);
  });

  it("refuses every other size", () => {
    const { buffer } = freshArea();
    const sizes = [
      0,
      1,
      8,
      4095,
      4096,
      12_288,
      32_768,
      HANDOFF_AREA_SIZE - 1,
      HANDOFF_AREA_SIZE + 1,
    ];
    for (const size of sizes) {
      const cut = new ArrayBuffer(size);
      new Uint8Array(cut).set(new Uint8Array(buffer, 0, Math.min(size, HANDOFF_AREA_SIZE)));
      assert.throws(() => HandoffArea.open(cut), { code: "EIO" }, `size ${size}`);
    }
  });

  it("refuses another magic, version or stated size", () => {
    for (const at of [0, 7, 8, 12]) {
      const { buffer } = freshArea();
      new Uint8Array(buffer)[at]! ^= 1;
      assert.throws(() => HandoffArea.open(buffer), { code: "EIO" }, `byte ${at}`);
    }
  });

  it("answers noise with a value or a CorruptError, never with anything else", () => {
    const { buffer } = freshArea();
    const bytes = new Uint8Array(buffer);
    const spot = fc.tuple(fc.integer({ min: 16, max: 36_863 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(spot, { minLength: 1, maxLength: 400 }), (spots) => {
        for (const [at, value] of spots) bytes[at] = value;
        const area = HandoffArea.open(buffer);
        const looks: (() => unknown)[] = [
          () => area.session,
          () => area.appendedEnd.get(),
          () => area.request.recover(),
          () => area.status.answerCount,
          () => Array.from({ length: DEFERRED_COUNT }, (_, i) => area.deferred.get(i)),
        ];
        for (const look of looks) {
          try {
            look();
          } catch (error) {
            assert.ok(error instanceof FsError && error.code === "EIO", String(error));
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("AppendedEnd", () => {
  it("is the end before or the end after, whichever of its stores a kill comes behind", () => {
    // Every prefix of the stores of one `set`, replayed word by word in the order they are made.
    const { buffer, area } = freshArea();
    area.appendedEnd.begin({ journalUuid: uuid(1), segment: 1, offset: 100, jsn: 1 });
    const before = new Uint32Array(buffer.slice(4096, 8192));
    const stores: [number, number][] = [];
    area.appendedEnd.set(2, 200, 2);
    const after = new Uint32Array(buffer.slice(4096, 8192));
    for (let i = 1; i < after.length; i++) if (after[i] !== before[i]) stores.push([i, after[i]!]);
    stores.push([0, after[0]!]);
    for (let done = 0; done <= stores.length; done++) {
      const words = new Uint32Array(buffer, 4096, 1024);
      words.set(before);
      for (const [at, value] of stores.slice(0, done)) words[at] = value;
      const end = HandoffArea.open(buffer).appendedEnd.get();
      assert.equal(end?.jsn, done === stores.length ? 2 : 1);
      assert.equal(end?.offset, done === stores.length ? 200 : 100);
    }
  });

  it("keeps the old journal's uuid until the new journal's end counts", () => {
    const { buffer, area } = freshArea();
    area.appendedEnd.begin({ journalUuid: uuid(1), segment: 1, offset: 100, jsn: 1 });
    const published = new Uint32Array(buffer, 4096, 1)[0]!;
    area.appendedEnd.begin({ journalUuid: uuid(2), segment: 1, offset: 0, jsn: 0 });
    assert.deepEqual(area.appendedEnd.get()?.journalUuid, uuid(2));
    new Uint32Array(buffer, 4096, 1)[0] = published;
    assert.deepEqual(HandoffArea.open(buffer).appendedEnd.get()?.journalUuid, uuid(1));
  });

  it("goes on from the sequence it finds, past 2^32 too", () => {
    const { buffer, area } = freshArea();
    area.appendedEnd.begin({ journalUuid: uuid(1), segment: 1, offset: 1, jsn: 1 });
    for (let jsn = 2; jsn < 50; jsn++) {
      HandoffArea.open(buffer).appendedEnd.set(1, jsn, jsn);
      assert.equal(area.appendedEnd.get()?.jsn, jsn);
    }
    new Uint32Array(buffer, 4096, 1)[0] = 0xffff_fffe;
    const wrapping = HandoffArea.open(buffer).appendedEnd;
    for (let jsn = 50; jsn < 55; jsn++) {
      wrapping.set(1, jsn, jsn);
      assert.equal(wrapping.get()?.jsn, jsn);
    }
  });

  it("refuses a slot that a stray store has changed", () => {
    for (let word = 0; word < 8; word++) {
      const { buffer, area } = freshArea();
      area.appendedEnd.begin({ journalUuid: uuid(1), segment: 1, offset: 1, jsn: 1 });
      new Uint32Array(buffer, 4096 + 128, 8)[word]! ^= 0x100;
      assert.throws(() => area.appendedEnd.get(), { code: "EIO" }, `word ${word}`);
    }
  });
});

describe("RequestSlot", () => {
  it("gives back a request whose header the journal has overwritten", () => {
    const { buffer, area } = freshArea();
    deliver(area, 5000, 9);
    const sent = area.request.bytes.slice(0, 5000);
    area.request.saveHeader();
    area.request.bytes.fill(0xee, 0, SLOT_HEADER_SIZE);
    const next = HandoffArea.open(buffer);
    assert.equal(next.request.recover(), 5000);
    assert.deepEqual(next.request.bytes.slice(0, 5000), sent);
  });

  it("gives back a request that nobody has touched, and none after beginRead", () => {
    const { area } = freshArea();
    deliver(area, 64, 9);
    assert.equal(area.request.recover(), 64);
    area.request.beginRead();
    assert.equal(area.request.recover(), 0);
  });

  it("never takes the journal's header for a request between the two stores of beginRead", () => {
    const { buffer, area } = freshArea();
    deliver(area, 500, 9);
    area.request.saveHeader();
    area.request.bytes.fill(0x40, 0, SLOT_HEADER_SIZE);
    // The first store only: the length word.
    new DataView(buffer).setUint32(32_768 + 4016, 0, true);
    assert.equal(
      HandoffArea.open(buffer).request.recover(),
      500,
      "found again, and answered again",
    );
  });

  it("is none when the length is impossible", () => {
    const { area } = freshArea();
    for (const size of [1, 39, 1024 * 1024 + 4097, 0xffff_ffff]) {
      new DataView(area.request.bytes.buffer).setUint32(area.request.bytes.byteOffset, size, true);
      assert.equal(area.request.recover(), 0);
    }
  });
});

describe("DeferredTable", () => {
  it("finds after a restart what was added and not released, and says when it is full", () => {
    const { buffer, area } = freshArea();
    const indexes = Array.from({ length: DEFERRED_COUNT }, (_, i) =>
      area.deferred.add({ ...ENTRY, uniqueLow: i }),
    );
    assert.equal(area.deferred.add(ENTRY), -1);
    for (const index of indexes) if (index % 2 === 0) area.deferred.release(index);
    const next = HandoffArea.open(buffer).deferred;
    assert.equal(next.count, DEFERRED_COUNT / 2);
    assert.equal(next.get(indexes[0]!), undefined);
    assert.deepEqual(next.get(indexes[1]!), { ...ENTRY, uniqueLow: 1 });
    assert.notEqual(next.add(ENTRY), -1);
  });
});

describe("StatusBoard", () => {
  it("counts answers on from where the process before had come", () => {
    const { buffer, area } = freshArea();
    area.status.answered();
    area.status.answered();
    const next = HandoffArea.open(buffer).status;
    next.answered();
    assert.equal(next.answerCount, 3);
  });
});
