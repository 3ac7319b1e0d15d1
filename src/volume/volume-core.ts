/**
 * One open volume in one thread: state, journal, cut. Fully synchronous; whoever has slow work to do gets it through
 * `output` and answers through `receive`.
 *
 * What always holds: opening replays the journal before anything is served (rules J4, J5), a failed step anywhere ends
 * in a CrashError and this object is not used again.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { assert } from "../core/assert.ts";
import type { Clock } from "../core/clock.ts";
import { CorruptError, CrashError, FsError } from "../core/fs-error.ts";
import { randomHex, toHex } from "../core/hex.ts";
import type { PackId } from "../core/ids.ts";
import { ByteReader } from "../core/byte-reader.ts";
import { Cutter } from "../cut/cutter.ts";
import { NO_JOURNAL, readPosition, type Position } from "../cut/position.ts";
import type { AppendedEnd, AppendedEndSink } from "../journal/appended-end.ts";
import type { Disk } from "../journal/disk.ts";
import { Journal, type JournalLimits, type RandomSource } from "../journal/journal.ts";
import { recover } from "../journal/recovery.ts";
import { UUID_SIZE } from "../journal/segment.ts";
import { MetaState } from "../meta/meta-state.ts";
import type { Caller } from "../meta/operation.ts";
import { SqliteTables } from "../meta/sqlite/sqlite-tables.ts";
import { PackState } from "../meta/tables.ts";
import { Executor, type RecordedOperation } from "../vfs/executor.ts";
import { FileState, type BlockBytes } from "../vfs/file-state.ts";
import { volumeOperations } from "../vfs/op-registry.ts";
import { packDropped } from "../vfs/ops/pack-dropped.ts";
import { packStored } from "../vfs/ops/pack-stored.ts";
import { applyWrite } from "../vfs/ops/write.ts";
import { encodePlan } from "../vfs/planned-pack.ts";
import { FileReader } from "../vfs/read.ts";
import type { EngineInput, EngineOutput } from "./engine-message.ts";

/** Two spares and the first segment are written with zeros when a volume is mounted first: 96 MiB. */
const JOURNAL_LIMITS: Partial<JournalLimits> = { segmentSize: 32 * 1024 * 1024 };

/** When a cut is due; any one of them is enough. */
export const CUT_INTERVAL_MS = 1000;
const CUT_DIRTY_SIZE: number = 64 * 1024 * 1024;
const CUT_PIECE_COUNT = 32_768;
const CUT_OPERATION_COUNT = 20_000;
/** Files planned ahead at each tick: under a millisecond of work. */
const PLAN_AHEAD_COUNT = 48;
/** Cuts whose packs are not all stored; past this cuts wait, unless space is needed (K4). */
const CUT_WAITING_MAX = 8;

export interface VolumeCoreOptions {
  readonly databasePath: string;
  /** Holds one directory a journal uuid. */
  readonly journalRoot: string;
  readonly disk: Disk;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly acl: boolean;
  readonly timeline: string;
  readonly blocks: BlockBytes;
  readonly output: (message: EngineOutput) => void;
  readonly limits?: Partial<JournalLimits>;
  /** Entries in each of the two generations of the inode and dentry caches. */
  readonly cacheGeneration?: number;
  readonly appendedEnd?: AppendedEndSink;
  /** What the memory of this boot says was acknowledged last in the journal of that uuid (J6). */
  readonly appendedEndKnown?: (journalUuid: string) => AppendedEnd | undefined;
}

export class VolumeCore {
  readonly state: FileState;
  readonly executor: Executor;
  readonly reader: FileReader;
  readonly journal: Journal;
  readonly #tables: SqliteTables;
  readonly #cutter: Cutter;
  readonly #clock: Clock;
  readonly #output: (message: EngineOutput) => void;
  readonly #system: Caller;
  #lastCutMs: number;
  #operationsAtCut = 0;
  /** Cuts that still wait for packs: number of the cut, packs left. */
  readonly #waiting = new Map<number, Set<PackId>>();
  readonly #cutOfPack = new Map<PackId, number>();
  /** Packs that died before they were stored, and the cut whose commit killed each. */
  readonly #killedBy = new Map<PackId, number>();
  /** Those of them that were given up while that commit is not flushed: if it is lost they are needed after all (G4a). */
  readonly #givenUp = new Set<PackId>();
  problem: { code: string; message: string } | undefined;

  static open(options: VolumeCoreOptions): VolumeCore {
    const tables = SqliteTables.open(options.databasePath);
    try {
      return openOver(tables, options);
    } catch (error) {
      tables.close();
      throw error;
    }
  }

  constructor(parts: {
    readonly options: VolumeCoreOptions;
    readonly tables: SqliteTables;
    readonly state: FileState;
    readonly journal: Journal;
    readonly position: Position;
    readonly recorded: RecordedOperation | undefined;
  }) {
    const { options, state, journal, tables, position } = parts;
    this.state = state;
    this.journal = journal;
    this.#tables = tables;
    this.#clock = options.clock;
    this.#output = options.output;
    this.executor = new Executor(state, journal);
    this.executor.setRecorded(parts.recorded);
    this.reader = new FileReader(state);
    this.#system = systemCaller();
    this.#lastCutMs = options.clock.monotonicMs();
    const { timeline } = options;
    const isSameJournal = position.journal === toHex(journal.uuid);
    this.#cutter = new Cutter({
      state,
      journal,
      tables,
      timeline,
      coveredJsn: isSameJournal ? position.jsn : -1,
    });
  }

  /** Whether anything would be lost without a cut. */
  get hasChanges(): boolean {
    return this.#cutter.hasChanges;
  }

  /** Operations since the last cut, and how long ago that was. */
  get uncut(): { readonly operations: number; readonly ageMs: number } {
    return {
      operations: this.executor.operationCount - this.#operationsAtCut,
      ageMs: this.#cutter.hasChanges ? this.#clock.monotonicMs() - this.#lastCutMs : 0,
    };
  }

  /** Packs whose bytes are still in the journal. */
  get pendingPackCount(): number {
    return this.state.pending.size;
  }

  get unsyncedCutCount(): number {
    return this.#cutter.unsyncedCount;
  }

  /** Packs that a crash left unbuilt: ordered again; call once after opening. */
  orderPending(): void {
    if (this.state.pending.size === 0) return;
    const packs = [...this.state.pending.values()].map((pack) => ({
      pack: pack.id,
      plan: encodePlan(pack),
    }));
    this.#await(this.state.cut - 1, packs);
    this.#output({ kind: "cut", cut: this.state.cut - 1, packs });
  }

  /** Makes a cut when one is due. Returns the milliseconds until it might be, for the caller's sleep. */
  tick(): number {
    if (!this.#cutter.hasChanges) return CUT_INTERVAL_MS;
    this.#cutter.planAhead(PLAN_AHEAD_COUNT);
    const nowMs = this.#clock.monotonicMs();
    const elapsedMs = nowMs - this.#lastCutMs;
    const { dirty } = this.state;
    const due =
      elapsedMs >= CUT_INTERVAL_MS ||
      dirty.byteCount >= CUT_DIRTY_SIZE ||
      dirty.pieceCount >= CUT_PIECE_COUNT ||
      this.executor.operationCount - this.#operationsAtCut >= CUT_OPERATION_COUNT;
    if (!due) return CUT_INTERVAL_MS - elapsedMs;
    if (!this.mayCut) return CUT_INTERVAL_MS;
    this.cut();
    return CUT_INTERVAL_MS;
  }

  /** Commits this instant now and hands out its packs. Returns the cut's number. */
  cut(options: { readonly clean?: boolean } = {}): number {
    const cut = this.#cutter.run({ timeMs: this.#clock.nowMs(), clean: options.clean === true });
    this.#lastCutMs = this.#clock.monotonicMs();
    this.#operationsAtCut = this.executor.operationCount;
    const packs = cut.packs.map((pack) => ({ pack: pack.id, plan: encodePlan(pack) }));
    this.#await(cut.number, packs);
    this.#output({ kind: "cut", cut: cut.number, packs });
    this.#cancelDead(cut.number);
    return cut.number;
  }

  receive(message: EngineInput): void {
    switch (message.kind) {
      case "walSynced": {
        const packs = this.#cutter.walSynced(message.cut);
        for (const pack of packs) this.state.blocks.forget(pack);
        if (packs.length > 0) this.#output({ kind: "delete", packs });
        for (const pack of this.#givenUp) this.#dropGivenUp(pack);
        return;
      }
      case "packStored":
        this.#packStored(message.pack, message.storedSize);
        return;
      case "packCancelled":
        this.#packCancelled(message.pack);
        return;
      case "packDeleted":
        this.executor.runOwn(packDropped, this.#caller(), { pack: message.pack });
        this.#cutter.packDropped(message.pack);
        return;
      case "storeProblem":
        this.problem =
          message.code === undefined ? undefined : { code: message.code, message: message.message };
    }
  }

  /** Whether another cut may be made before packs are stored; one that makes room always may (K4). */
  get mayCut(): boolean {
    return this.#waiting.size < CUT_WAITING_MAX || this.state.packs.dead.size > 0;
  }

  /** Whether all that cut `number` and those before it committed is flushed and in the store. */
  isStored(number: number): boolean {
    for (const waiting of this.#waiting.keys()) if (waiting <= number) return false;
    return this.#cutter.isSynced(number);
  }

  /** Nothing is left to do: all is committed, flushed and stored, nothing waits for deletion. */
  get isSettled(): boolean {
    return !this.hasChanges && this.state.pending.size === 0 && this.#cutter.isSettled;
  }

  /** The last commit, which says that the journal is not needed, and the end. Everything must be settled. */
  closeClean(): void {
    assert(this.isSettled, "a volume is closed when everything is stored");
    this.#cutter.run({ timeMs: this.#clock.nowMs(), clean: true });
    this.#tables.commit();
    this.#tables.walCheckpoint("TRUNCATE");
    this.close();
  }

  /** A caller for the volume's own operations. */
  caller(): Caller {
    return this.#caller();
  }

  /** Closes without a cut: what the journal holds is replayed at the next opening. */
  close(): void {
    this.journal[Symbol.dispose]();
    this.#tables.close();
  }

  #packStored(pack: PackId, storedSize: number): void {
    if (!this.state.pending.has(pack)) return;
    this.executor.runOwn(packStored, this.#caller(), { pack, storedSize });
    this.#fulfilled(pack);
  }

  /** Packs that died before they were stored need not be built; on a full disk they must not be. */
  #cancelDead(cut: number): void {
    const { packs, pending } = this.state;
    const dead = [...packs.dead].filter((pack) => pending.has(pack) && !this.#killedBy.has(pack));
    for (const pack of dead) this.#killedBy.set(pack, cut);
    if (dead.length > 0) this.#output({ kind: "cancel", packs: dead });
  }

  #packCancelled(pack: PackId): void {
    if (!this.state.pending.has(pack)) return;
    this.#givenUp.add(pack);
    this.#dropGivenUp(pack);
  }

  /** PACK_DROPPED in the journal over a commit in which the pack lives would be refused when it is replayed (G4a). */
  #dropGivenUp(pack: PackId): void {
    const cut = this.#killedBy.get(pack);
    assert(cut !== undefined, `pack ${pack} was given up, and nothing killed it`);
    if (!this.#cutter.isSynced(cut)) return;
    this.#givenUp.delete(pack);
    this.#killedBy.delete(pack);
    this.executor.runOwn(packDropped, this.#caller(), { pack });
    this.#fulfilled(pack);
  }

  /** Nothing waits for the pack's plan any more. */
  #fulfilled(pack: PackId): void {
    this.#cutter.planFulfilled(pack);
    const cut = this.#cutOfPack.get(pack);
    this.#cutOfPack.delete(pack);
    if (cut === undefined) return;
    const rest = this.#waiting.get(cut);
    rest?.delete(pack);
    if (rest?.size === 0) this.#waiting.delete(cut);
  }

  #await(cut: number, packs: readonly { readonly pack: PackId }[]): void {
    if (packs.length === 0) return;
    this.#waiting.set(cut, new Set(packs.map(({ pack }) => pack)));
    for (const { pack } of packs) this.#cutOfPack.set(pack, cut);
  }

  #caller(): Caller {
    this.#clock.realtime(this.#system.now);
    return this.#system;
  }
}

/** Root, for what the volume does by itself. */
export function systemCaller(): Caller {
  return {
    uid: 0,
    gid: 0,
    pid: 0,
    umask: 0,
    groups: [],
    checkAccess: false,
    privileged: true,
    unique: 0,
    now: { sec: 0, nsec: 0 },
  };
}

function openOver(tables: SqliteTables, options: VolumeCoreOptions): VolumeCore {
  const position = readPosition(tables, options.timeline);
  tables.begin();
  let journal: Journal | undefined;
  const meta = new MetaState(tables, {
    acl: options.acl,
    ...(options.cacheGeneration === undefined
      ? {}
      : {
          inodeCacheGeneration: options.cacheGeneration,
          dentryCacheGeneration: options.cacheGeneration,
        }),
  });
  const state = new FileState({
    meta,
    blocks: options.blocks,
    journal: {
      readData: (segment, offset, into, at, length) => {
        if (journal === undefined) throw new CrashError("the journal is read before it is open");
        journal.readData(segment, offset, into, at, length);
      },
    },
    cut: position.txid + 1,
  });
  checkPendingRows(state);
  const opened = openJournal(options, position, state);
  journal = opened.journal;
  try {
    const core = new VolumeCore({ options, tables, state, ...opened, position });
    // A new journal is named in the position row before its first operation (J5), and an open volume is not a clean
    // one: both must survive a power cut, or what is flushed to the journal from now on would never be looked for.
    if (position.journal !== toHex(journal.uuid) || position.clean) {
      core.cut();
      syncWal(options);
    }
    return core;
  } catch (error) {
    journal[Symbol.dispose]();
    throw error;
  }
}

/** Through a descriptor of our own: SQLite keeps no locks on its WAL file (K1). */
function syncWal({ disk, databasePath }: VolumeCoreOptions): void {
  const fd = disk.open(`${databasePath}-wal`, "read");
  try {
    disk.datasync(fd);
  } finally {
    disk.close(fd);
  }
}

/** Every pending pack has a plan and every plan a pending pack. */
function checkPendingRows(state: FileState): void {
  for (const row of state.packs.values()) {
    if (row.state === PackState.PENDING && !state.pending.has(row.id)) {
      throw new CorruptError(`pack ${row.id} is pending but has no plan`);
    }
  }
  for (const pack of state.pending.keys()) {
    if (!state.packs.isPending(pack))
      throw new CorruptError(`pack ${pack} has a plan but is stored`);
  }
}

function openJournal(
  options: VolumeCoreOptions,
  position: Position,
  state: FileState,
): { journal: Journal; recorded: RecordedOperation | undefined } {
  const { disk, random, limits, appendedEnd } = options;
  const dir = join(options.journalRoot, position.journal);
  const common = {
    disk,
    random,
    limits: limits ?? JOURNAL_LIMITS,
    ...(appendedEnd === undefined ? {} : { appendedEnd }),
  };
  if (position.journal === NO_JOURNAL || !existsSync(dir)) {
    if (!position.clean || state.pending.size > 0) throw lostJournal(dir, position, state);
    return { journal: createJournal(options, common), recorded: undefined };
  }
  const operations = volumeOperations();
  const reader = new ByteReader();
  const recovered = recover(
    {
      ...common,
      dir,
      uuid: Buffer.from(position.journal, "hex"),
      fromJsn: position.jsn + 1,
      flushedJsnKnown: position.flushedJsn,
      appendedEndKnown: options.appendedEndKnown?.(position.journal),
    },
    {
      operation: (header, bytes, at, length) => {
        operations
          .get(header.kind, header.version)
          .replay(state, reader.open(bytes, at, length), header.version);
        state.meta.trickle();
      },
      write: (_header, args, segment, dataOffset) => {
        const { dataLength, dataCrc } = args;
        applyWrite(state, args, { segment, dataAt: dataOffset, dataLength, dataCrc });
        state.meta.trickle();
      },
    },
  );
  const last = recovered.lastRecord;
  const recorded =
    last === undefined
      ? undefined
      : { ...last.header, payload: last.payload, offset: last.args?.offset ?? 0 };
  return { journal: recovered.journal, recorded };
}

function createJournal(
  options: VolumeCoreOptions,
  common: { disk: Disk; random: RandomSource; limits?: Partial<JournalLimits> },
): Journal {
  const name = randomHex(UUID_SIZE);
  options.disk.makeDirectory(options.journalRoot);
  options.disk.syncDirectory(dirname(options.journalRoot));
  const dir = join(options.journalRoot, name);
  return Journal.create({ ...common, dir, uuid: Buffer.from(name, "hex") });
}

function lostJournal(dir: string, position: Position, state: FileState): FsError {
  return new FsError(
    "EIO",
    `the journal ${dir} is missing, but the volume was not stopped cleanly: what was written after ` +
      `${new Date(position.timeMs).toISOString()} and ${state.pending.size} packs are only there. ` +
      "Mount with the state directory that was used last (--state-dir)",
  );
}
