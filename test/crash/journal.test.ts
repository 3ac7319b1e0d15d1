/**
 * Attacks rules J2, J6 and checker 4: random work on a simulated disk, stopped at every changing call, by a power cut or a
 * kill, with recoveries that are stopped too and work that goes on afterwards. After each recovery the log must be one
 * prefix of what was appended that holds all that was flushed (after a kill: all that was acknowledged).
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FsError } from "../../src/core/fs-error.ts";
import { Prng } from "../../src/core/prng.ts";
import { SimulatedDisk, Stopped } from "../support/simulated-disk.ts";
import { AppendedEndWords, APPENDED_END_WORD_COUNT } from "../../src/journal/appended-end.ts";
import { type FlushTicket, runFlush } from "../../src/journal/flush-ticket.ts";
import {
  Journal,
  type JournalOptions,
  JournalScratch,
  type WriteFields,
} from "../../src/journal/journal.ts";
import { recover, type RecoverOptions } from "../../src/journal/recovery.ts";
import { emptyWriteArgs, WRITE_HEADER_SIZE } from "../../src/journal/record.ts";
import { prepareSpare } from "../../src/journal/spare.ts";

const DIR = "/state/journal";
const SEGMENT_SIZE = 12_288;
const STEP_COUNT = 60;
const UUID = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

interface Model {
  /** By JSN - 1: what was appended, the last one perhaps without an answer. */
  records: string[];
  acknowledgedJsn: number;
  flushedJsn: number;
  /** What SQLite covers: always flushed before (K1). */
  committedJsn: number;
}

class World {
  readonly prng: Prng;
  readonly disk: SimulatedDisk;
  readonly end = new AppendedEndWords(new Float64Array(APPENDED_END_WORD_COUNT));
  readonly model: Model = { records: [], acknowledgedJsn: 0, flushedJsn: 0, committedJsn: 0 };
  readonly #scratch = new JournalScratch();
  readonly #request = new Uint8Array(8192);
  readonly #write: WriteFields = {
    ...emptyWriteArgs(),
    unique: 0,
    connection: 0,
    spareSize: 0,
  };
  #ticket: FlushTicket | undefined;
  #pinned: number[] = [];
  #capacity = 10 * SEGMENT_SIZE;
  /** Recoveries refused for want of room. */
  refusalCount = 0;
  journal: Journal;

  constructor(seed: number) {
    this.prng = new Prng(seed);
    this.disk = new SimulatedDisk({ prng: this.prng, capacity: this.#capacity });
    this.journal = Journal.create(this.options());
  }

  options(): JournalOptions {
    return {
      disk: this.disk,
      dir: DIR,
      uuid: UUID,
      random: this.prng,
      limits: { segmentSize: SEGMENT_SIZE, totalSizeMax: 7 * SEGMENT_SIZE },
      appendedEnd: this.end,
    };
  }

  /** One random step; throws Stopped when the disk stops, FsError when the journal does. */
  step(): void {
    const kind = this.prng.below(16);
    if (kind < 5) this.#append();
    else if (kind < 10) this.#appendWrite();
    else if (kind < 11) this.#flush();
    else if (kind < 13) this.#ticketStep();
    else if (kind < 14) this.#commit();
    else if (kind < 15) this.#makeSpare();
    else this.#pin();
    // What the journal calls flushed is a promise, also when `reserve` did it by itself.
    this.model.flushedJsn = this.journal.flushedJsn;
  }

  /** Brings the machine back and recovers, stopped in between `interruptions` times. */
  recover(how: "power" | "kill", interruptions: number): void {
    this.#ticket = undefined;
    this.#pinned = [];
    let isBootSame = how === "kill";
    for (let left = interruptions; ; left--) {
      if (isBootSame) this.disk.restart();
      else this.disk.cutPower();
      if (left > 0) this.disk.stopAfter(1 + this.prng.below(12));
      try {
        this.#recoverOnce(isBootSame);
        return;
      } catch (error) {
        // Without room recovery refuses, and works when the operator has made some.
        if (error instanceof FsError && error.code === "ENOSPC") {
          this.refusalCount++;
          this.#capacity += SEGMENT_SIZE;
          this.disk.setCapacity(this.#capacity);
        } else if (!(error instanceof Stopped)) throw error;
        isBootSame = isBootSame && this.prng.below(2) === 0;
      }
    }
  }

  #recoverOnce(isBootSame: boolean): void {
    const { model } = this;
    const options: RecoverOptions = {
      ...this.options(),
      fromJsn: model.committedJsn + 1,
      flushedJsnKnown: model.committedJsn,
      appendedEndKnown: isBootSame ? this.end.read() : undefined,
    };
    const seen: string[] = [];
    const places: { jsn: number; segment: number; offset: number; length: number }[] = [];
    const recovered = recover(options, {
      operation: (header, bytes, at, length) => {
        assert.equal(header.jsn, model.committedJsn + seen.length + 1);
        seen.push(`o${header.unique}:${hex(bytes, at, length)}`);
      },
      write: (header, args, segment, offset) => {
        assert.equal(header.jsn, model.committedJsn + seen.length + 1);
        places.push({ jsn: header.jsn, segment, offset, length: args.dataLength });
        seen.push(`w${args.ino}:`);
      },
    });
    const journal = recovered.journal;
    for (const { jsn, segment, offset, length } of places) {
      const data = new Uint8Array(length);
      journal.readData(segment, offset, data, 0, length);
      seen[jsn - model.committedJsn - 1] += hex(data, 0, length);
    }
    const lastJsn = model.committedJsn + seen.length;
    assert.deepEqual(seen, model.records.slice(model.committedJsn, lastJsn));
    assert.equal(journal.lastJsn, lastJsn);
    assert.equal(journal.flushedJsn, lastJsn);
    const promised = isBootSame ? model.acknowledgedJsn : model.flushedJsn;
    assert.ok(lastJsn >= promised, `record ${promised} was promised, the log ends at ${lastJsn}`);
    if (lastJsn > 0) assert.equal(recovered.lastRecord?.header.jsn, lastJsn);
    model.records.length = lastJsn;
    model.acknowledgedJsn = lastJsn;
    model.flushedJsn = lastJsn;
    this.journal = journal;
  }

  #append(): void {
    const size = this.prng.below(600);
    if (this.journal.reserve(size) === "full") return this.#makeRoom();
    this.#scratch.reset();
    for (let i = 0; i < size; i++) this.#scratch.u8(this.prng.below(256));
    const unique = this.model.records.length + 1;
    this.model.records.push(`o${unique}:${hex(this.#scratch.payload(), 0, size)}`);
    const fields = { kind: 7, version: 1, unique, connection: 3 };
    this.model.acknowledgedJsn = this.journal.append(fields, this.#scratch);
    assert.equal(this.model.acknowledgedJsn, this.model.records.length);
  }

  #appendWrite(): void {
    const size = this.prng.below(2000);
    if (this.journal.reserveWrite(size) === "full") return this.#makeRoom();
    const write = this.#write;
    write.ino = this.model.records.length + 1;
    write.dataLength = size;
    const at = this.prng.below(100);
    write.spareSize = this.prng.below(this.#request.length - WRITE_HEADER_SIZE - size - at);
    const dataAt = at + WRITE_HEADER_SIZE;
    for (let i = 0; i < size; i++) this.#request[dataAt + i] = this.prng.below(256);
    this.model.records.push(`w${write.ino}:${hex(this.#request, dataAt, size)}`);
    this.model.acknowledgedJsn = this.journal.appendWrite(write, this.#request, at);
  }

  #flush(): void {
    const upTo = this.journal.lastJsn;
    this.journal.flush();
    assert.equal(this.journal.flushedJsn, upTo);
    this.model.flushedJsn = upTo;
  }

  #ticketStep(): void {
    if (this.#ticket === undefined) {
      this.#ticket = this.journal.beginFlush();
      return;
    }
    const ticket = this.#ticket;
    this.#ticket = undefined;
    try {
      runFlush(this.disk, ticket);
    } catch (error) {
      this.journal.failFlush(error);
      throw error;
    }
    this.journal.completeFlush();
    assert.ok(this.journal.flushedJsn >= ticket.upToJsn);
  }

  /** SQLite commits up to a flushed record; then the journal may drop what lies before. */
  #commit(): void {
    const { model } = this;
    const ahead = model.flushedJsn - model.committedJsn;
    if (ahead > 0) model.committedJsn += this.prng.below(ahead + 1);
    this.journal.dropBefore(model.committedJsn + 1);
  }

  #makeRoom(): void {
    for (const segment of this.#pinned.splice(0)) this.journal.unpin(segment);
    this.#flush();
    this.model.committedJsn = this.model.flushedJsn;
    this.journal.dropBefore(this.model.committedJsn + 1);
  }

  #makeSpare(): void {
    const order = this.journal.wantSpare();
    if (order === undefined) return;
    try {
      prepareSpare(this.disk, order);
    } catch (error) {
      this.journal.spareFailed();
      // A spare that cannot be made is no loss: the file is removed, the journal goes on.
      if (error instanceof FsError) return;
      throw error;
    }
    this.journal.spareReady(order);
  }

  #pin(): void {
    if (this.#pinned.length > 1) this.journal.unpin(this.#pinned.shift()!);
    const numbers = this.journal.segmentNumbers();
    const number = numbers[this.prng.below(numbers.length)]!;
    this.journal.pin(number);
    this.#pinned.push(number);
  }
}

function hex(bytes: Uint8Array, at: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString("hex");
}

/** Runs steps until the disk stops or they are done. True when it stopped. */
function work(world: World, stepCount: number): boolean {
  try {
    for (let i = 0; i < stepCount; i++) world.step();
    return false;
  } catch (error) {
    const cause = error instanceof FsError ? error.cause : error;
    if (!world.disk.isStopped || !(cause instanceof Stopped)) throw error;
    return true;
  }
}

/** How many changing calls the seed's work makes when nothing stops it. */
function callCountOf(seed: number): number {
  const world = new World(seed);
  const before = world.disk.callCount;
  work(world, STEP_COUNT);
  return world.disk.callCount - before;
}

const seedCount = Number(process.env.JOURNAL_SEEDS ?? 6);
const firstSeed = Number(process.env.SEED ?? 1);

describe("the journal on a disk that forgets", () => {
  it("is one prefix with all that was flushed, cut at every write, for three generations", () => {
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
      const count = callCountOf(seed);
      assert.ok(count > 20, `the work of SEED=${seed} makes only ${count} changing calls`);
      for (let cut = 1; cut <= count; cut++) {
        const world = new World(seed);
        try {
          world.disk.stopAfter(cut);
          assert.ok(work(world, STEP_COUNT));
          world.recover((cut + seed) % 2 === 0 ? "kill" : "power", cut % 3);
          for (let generation = 0; generation < 2; generation++) {
            world.disk.stopAfter(1 + world.prng.below(60));
            work(world, STEP_COUNT);
            world.recover(world.prng.below(3) === 0 ? "kill" : "power", world.prng.below(3));
          }
        } catch (error) {
          throw new Error(`SEED=${seed} cut at call ${cut}`, { cause: error });
        }
      }
    }
  });

  it("loses nothing acknowledged when an fdatasync fails, the process ends and the power goes later", () => {
    let failureCount = 0;
    for (let seed = firstSeed; seed < firstSeed + seedCount * 20; seed++) {
      const world = new World(seed);
      let failure: unknown;
      world.disk.failDatasync(1 + world.prng.below(12));
      try {
        for (let i = 0; i < 200; i++) world.step();
      } catch (error) {
        failure = error;
      }
      if (failure === undefined) continue; // It met the making of a spare.
      failureCount++;
      assert.ok(failure instanceof FsError && failure.code === "EIO", `SEED=${seed}`);
      assert.throws(() => world.journal.flush(), { code: "EIO" }, `SEED=${seed}`);
      assert.throws(() => world.journal.reserve(1), { code: "EIO" });
      const { acknowledgedJsn } = world.model;
      try {
        world.recover("kill", 0);
        assert.ok(world.journal.lastJsn >= acknowledgedJsn);
        world.recover("power", 1);
        assert.ok(world.journal.lastJsn >= acknowledgedJsn);
      } catch (error) {
        throw new Error(`SEED=${seed}`, { cause: error });
      }
    }
    assert.ok(failureCount > seedCount * 10, `only ${failureCount} flushes failed`);
  });

  it("does not pile up segments when recovery after recovery is interrupted", () => {
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
      const world = new World(seed);
      work(world, STEP_COUNT);
      for (let i = 0; i < 40; i++) world.recover(i % 2 === 0 ? "kill" : "power", 3);
      assert.ok(world.refusalCount <= 2, `SEED=${seed}: ${world.refusalCount} refusals`);
      const names = world.disk.list(DIR);
      assert.ok(names.length <= 12, `SEED=${seed}: ${names.join(" ")}`);
    }
  });
});
