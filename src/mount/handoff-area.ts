/**
 * The memory file that outlives a volume process: what it had read and not answered, and how far its journal went.
 *
 * The supervisor makes it, writes the header, and hands the descriptor to every volume process it starts; the engine
 * and its workers map it (each thread for itself) and write the rest. It lives as long as one mount and dies with the
 * machine, so nothing in it is ever migrated: another magic, version or size is refused.
 *
 * What always holds (rules J6, J7): whatever a process was doing when it was killed, the next one finds each part
 * either as it was before a step or as it is after it. A killed process leaves its stores in program order, so every
 * part has one word that is stored last, with Atomics, and makes the rest count.
 *
 * Layout, little-endian, offsets in bytes from the file's start; pages are of 4096:
 *
 *        0 header, one page; only the supervisor writes it
 *            0 u8[8] magic "SHOALHND"   8 u32 version   12 u32 size of the file
 *           16 u32 connection id: random, one for each kernel connection
 *           20 u32 generation: 1 for the first engine of the connection, grows by 1 at every start
 *           24 u32 1 when the session below counts (stored last)
 *           32 session, what INIT agreed on: 0 u32 minor   4 u32 flags   8 u32 flags2   12 u32 max_write   16 u32 max_pages
 *              20 u32 max_readahead
 *     4096 journal's appended end, one page (appended-end.ts)
 *     8192 status board, one page (status-board.ts)
 *    12288 deferred requests, 256 x 32 (deferred-table.ts)
 *    20480 the request slot's control block, 128, one page (request-slot.ts)
 *    24576 the request slot's bytes, 1 MiB + 8 KiB
 *  1081344 end
 */
import { assert } from "../core/assert.ts";
import { CorruptError } from "../core/fs-error.ts";
import { fillRandom } from "../core/random-bytes.ts";
import { fallocateFd } from "../sys/fd.ts";
import { createMemoryFile, mapShared } from "../sys/memory-file.ts";
import { AppendedEnd } from "./appended-end.ts";
import { DEFERRED_COUNT, DEFERRED_ENTRY_SIZE, DeferredTable } from "./deferred-table.ts";
import { RequestSlot, SLOT_REGION_SIZE } from "./request-slot.ts";
import { StatusBoard } from "./status-board.ts";

const PAGE_SIZE = 4096;
const APPENDED_END_AT = 4096;
const STATUS_AT = 8192;
const DEFERRED_AT = 12_288;
const CONTROL_AT: number = DEFERRED_AT + DEFERRED_COUNT * DEFERRED_ENTRY_SIZE;
const SLOT_AT: number = CONTROL_AT + PAGE_SIZE;

export const HANDOFF_AREA_SIZE: number = SLOT_AT + SLOT_REGION_SIZE;
export const HANDOFF_VERSION = 2;

const MAGIC = "SHOALHND";
const VERSION_AT = 8;
const SIZE_AT = 12;
const CONNECTION_ID_AT = 16;
const GENERATION_AT = 20;
const SESSION_VALID_AT = 24;
const SESSION_AT = 32;

/** What INIT agreed on. It comes once in a connection's life, so a restarted engine finds it here. */
export interface FuseSession {
  /** The protocol's minor version both sides speak. */
  readonly minor: number;
  /** Bits of InitFlag and InitFlag2 that both sides have. */
  readonly flags: number;
  readonly flags2: number;
  /** Bytes of a WRITE at most. */
  readonly maxWrite: number;
  readonly maxPages: number;
  readonly maxReadahead: number;
}

const SESSION_FIELDS = [
  "minor",
  "flags",
  "flags2",
  "maxWrite",
  "maxPages",
  "maxReadahead",
] as const satisfies readonly (keyof FuseSession)[];

export class HandoffArea {
  readonly appendedEnd: AppendedEnd;
  readonly status: StatusBoard;
  readonly deferred: DeferredTable;
  /** /dev/fuse is read into this one. */
  readonly request: RequestSlot;

  readonly #view: DataView;
  readonly #words: Uint32Array;

  private constructor(buffer: ArrayBuffer) {
    this.#view = new DataView(buffer);
    this.#words = new Uint32Array(buffer, 0, PAGE_SIZE / 4);
    this.appendedEnd = new AppendedEnd(buffer, APPENDED_END_AT);
    this.status = new StatusBoard(buffer, STATUS_AT);
    this.deferred = new DeferredTable(buffer, DEFERRED_AT);
    this.request = new RequestSlot(buffer, { controlAt: CONTROL_AT, regionAt: SLOT_AT });
  }

  /** Lays out a fresh area over HANDOFF_AREA_SIZE zero bytes, which stay the caller's. */
  static create(buffer: ArrayBuffer, connectionId: number): HandoffArea {
    assert(buffer.byteLength === HANDOFF_AREA_SIZE, "a hand-off area has one size");
    const view = new DataView(buffer);
    for (let i = 0; i < MAGIC.length; i++) view.setUint8(i, MAGIC.charCodeAt(i));
    view.setUint32(VERSION_AT, HANDOFF_VERSION, true);
    view.setUint32(SIZE_AT, HANDOFF_AREA_SIZE, true);
    view.setUint32(CONNECTION_ID_AT, connectionId, true);
    return new HandoffArea(buffer);
  }

  /** Takes over an area that `create` laid out; throws CorruptError when it is none. */
  static open(buffer: ArrayBuffer): HandoffArea {
    if (buffer.byteLength !== HANDOFF_AREA_SIZE) {
      throw new CorruptError(
        `the hand-off area has ${buffer.byteLength} bytes, not ${HANDOFF_AREA_SIZE}`,
      );
    }
    const view = new DataView(buffer);
    for (let i = 0; i < MAGIC.length; i++) {
      if (view.getUint8(i) !== MAGIC.charCodeAt(i))
        throw new CorruptError("the hand-off area has another magic");
    }
    const version = view.getUint32(VERSION_AT, true);
    if (version !== HANDOFF_VERSION)
      throw new CorruptError(`the hand-off area has version ${version}, not ${HANDOFF_VERSION}`);
    const size = view.getUint32(SIZE_AT, true);
    if (size !== HANDOFF_AREA_SIZE)
      throw new CorruptError(`the hand-off area says it has ${size} bytes`);
    return new HandoffArea(buffer);
  }

  /** Random, never 0: with a request's unique it names the request for as long as anybody remembers it. */
  get connectionId(): number {
    return this.#view.getUint32(CONNECTION_ID_AT, true);
  }

  get generation(): number {
    return Atomics.load(this.#words, GENERATION_AT / 4);
  }

  /** Supervisor only, before each start of an engine. Returns the new generation. */
  nextGeneration(): number {
    return Atomics.add(this.#words, GENERATION_AT / 4, 1) + 1;
  }

  /** Supervisor only, once INIT is answered. */
  setSession(session: FuseSession): void {
    for (const [index, field] of SESSION_FIELDS.entries())
      this.#view.setUint32(SESSION_AT + index * 4, session[field], true);
    Atomics.store(this.#words, SESSION_VALID_AT / 4, 1);
  }

  /** `undefined` before INIT was answered. */
  get session(): FuseSession | undefined {
    if (Atomics.load(this.#words, SESSION_VALID_AT / 4) !== 1) return undefined;
    const field = (name: keyof FuseSession): number =>
      this.#view.getUint32(SESSION_AT + SESSION_FIELDS.indexOf(name) * 4, true);
    return {
      minor: field("minor"),
      flags: field("flags"),
      flags2: field("flags2"),
      maxWrite: field("maxWrite"),
      maxPages: field("maxPages"),
      maxReadahead: field("maxReadahead"),
    };
  }
}

/** For the supervisor: a memory file, all its pages present. Its descriptor is closed on exec, so name it in a child's stdio. */
export function createHandoffFile(): { readonly fd: number; readonly area: HandoffArea } {
  const fd = createMemoryFile("shoal-handoff", HANDOFF_AREA_SIZE);
  fallocateFd(fd, 0, { offset: 0, size: HANDOFF_AREA_SIZE });
  // The supervisor looks at a few pages of it only, so it does not touch them all.
  const buffer = mapShared(fd, { size: HANDOFF_AREA_SIZE });
  return { fd, area: HandoffArea.create(buffer, randomConnectionId()) };
}

/** For the engine and its workers: maps the file of an inherited descriptor, every page touched, so that no read of /dev/fuse into it can fault. */
export function mapHandoffFile(fd: number): HandoffArea {
  return HandoffArea.open(mapShared(fd, { size: HANDOFF_AREA_SIZE, populate: true }));
}

/** With a request's unique it names the request in the journal; 0 stands for none. */
function randomConnectionId(): number {
  const id = new Uint32Array(1);
  while (id[0] === 0) fillRandom(id);
  return id[0]!;
}
