/**
 * A volume in one thread without a mount: the engine's core, and everything the other threads do for it, step by step.
 *
 * What the core hands out (`output`) waits in a queue of small steps, which `pump` runs: flush the WAL, build a pack,
 * put it into the store, tell the core … in the order of the mount's own pipeline. A test stops between any two of them
 * (`pump(n)`, or a fault point that throws) and goes on as after a kill (`reopen`).
 */
import { randomFillSync } from "node:crypto";
import {
  closeSync,
  cpSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { FsError } from "../../src/core/fs-error.ts";
import { toHex } from "../../src/core/hex.ts";
import { toIno, toPackId, type Ino, type PackId } from "../../src/core/ids.ts";
import type { AppendedEnd } from "../../src/journal/appended-end.ts";
import { NodeDisk, type Disk } from "../../src/journal/disk.ts";
import type { JournalLimits, RandomSource } from "../../src/journal/journal.ts";
import { systemRandom } from "../../src/journal/system-random.ts";
import type { Prng } from "../../src/core/prng.ts";
import { FileType, type Inode } from "../../src/meta/inode.ts";
import type { Caller, Operation } from "../../src/meta/operation.ts";
import { create, type CreateArgs } from "../../src/meta/ops/create.ts";
import type { MetaState } from "../../src/meta/meta-state.ts";
import type { SqliteTables } from "../../src/meta/sqlite/sqlite-tables.ts";
import { FileObjectStore } from "../../src/object/file-object-store.ts";
import type { Compression } from "../../src/pack/codec.ts";
import { packKey, parsePackPath } from "../../src/pack/pack-name.ts";
import { makeDirectories, removeTemporaries } from "../../src/pack/staged-pack.ts";
import type { FileState } from "../../src/vfs/file-state.ts";
import { createVolume, databasePath } from "../../src/volume/create-volume.ts";
import type { EngineOutput } from "../../src/volume/engine-message.ts";
import { LocalBlocks } from "../../src/volume/local-blocks.ts";
import { Maintenance } from "../../src/volume/maintenance.ts";
import { PackBuilder, type StagedResult } from "../../src/volume/pack-builder.ts";
import type { VolumeConfig } from "../../src/volume/volume-config.ts";
import { VolumeCore } from "../../src/volume/volume-core.ts";
import { ManualClock } from "./manual-clock.ts";

/** Small, so that a short run passes through many of them; a WRITE of 128 KiB still fits. */
export const SMALL_LIMITS: Partial<JournalLimits> = {
  segmentSize: 256 * 1024,
  totalSizeMax: 16 * 256 * 1024,
};
const LINES: readonly PipelineLine[] = ["syncs", "packs", "deletions"];
/** A step may make another; more than this is a loop. */
const STEP_COUNT_MAX = 100_000;

/** What the mount does side by side: flushes of the WAL, packs, deletions; each in order. */
export type PipelineLine = "syncs" | "packs" | "deletions";

interface Step {
  readonly line: PipelineLine;
  /** Not before the WAL of this cut was flushed (K1). */
  readonly afterCut: number;
  readonly run: () => void;
}

/** Named places between two steps, for `fault`. */
export type FaultPoint =
  | "walSynced"
  | "packBuilt"
  | "packLinked"
  | "packTold"
  | "packUnstaged"
  | "packDeleted";

export interface HarnessOptions {
  readonly limits?: Partial<JournalLimits>;
  readonly compression?: Compression;
  readonly acl?: boolean;
  readonly disk?: Disk;
  readonly random?: RandomSource;
  /** Called after each step of the pipeline; what it throws ends the pump there. */
  readonly fault?: (point: FaultPoint) => void;
  /** Stands in for the product's builder, to show that a wrong one is found. */
  readonly buildPack?: (harness: VolumeHarness, pack: PackId, plan: Uint8Array) => StagedResult;
  /** Chooses which line goes on next; without it steps run in the order in which they were handed out. */
  readonly schedule?: Prng;
  /** False: the WAL is said to be flushed and is not, to show that this is found. */
  readonly syncsWal?: boolean;
  readonly appendedEndKnown?: (journalUuid: string) => AppendedEnd | undefined;
  /** Called with every core that is opened. */
  readonly onOpen?: (harness: VolumeHarness) => void;
  /** Takes what the core hands out in place of the harness's own steps. */
  readonly outputs?: (message: EngineOutput) => void;
}

/** Where the parts of a volume lie below one directory. */
export interface VolumeDirectories {
  readonly store: string;
  readonly state: string;
}

export function volumeDirectories(root: string): VolumeDirectories {
  return { store: join(root, "volume"), state: join(root, "state") };
}

/** Makes `<root>/volume` with an empty volume in it, and an empty `<root>/state`. */
export async function makeVolume(
  root: string,
  options: Pick<HarnessOptions, "compression" | "acl"> = {},
  clock: ManualClock = new ManualClock(),
): Promise<VolumeConfig> {
  const { store: storeRoot, state } = volumeDirectories(root);
  mkdirSync(storeRoot, { recursive: true });
  mkdirSync(join(state, "staging"), { recursive: true });
  await using store = await FileObjectStore.open({ root: storeRoot, clock });
  return await createVolume({
    store,
    root: storeRoot,
    compression: options.compression ?? "lz4",
    acl: options.acl ?? false,
    uid: 0,
    gid: 0,
    clock,
  });
}

/** A directory for a test's volumes, in memory where there is such a place. */
export function makeTemporaryRoot(): string {
  const base = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  return mkdtempSync(join(base, "shoal-volume-"));
}

export class VolumeHarness implements Disposable {
  /** All that the pipeline did, in order: for tests of that order. */
  readonly events: string[] = [];
  readonly clock: ManualClock;
  readonly config: VolumeConfig;
  readonly #options: HarnessOptions;
  readonly #base: string;
  readonly #removes: string;
  #generation = 0;
  #steps: Step[] = [];
  #syncedCut = -1;
  /** Packs that died before they were built. */
  readonly #cancelled = new Set<PackId>();
  #blocks!: LocalBlocks;
  #isOpen = false;
  core!: VolumeCore;

  static async create(options: HarnessOptions = {}): Promise<VolumeHarness> {
    const base = makeTemporaryRoot();
    const clock = new ManualClock();
    const config = await makeVolume(join(base, "0"), options, clock);
    const harness = new VolumeHarness({ base, clock, config, options });
    harness.open();
    return harness;
  }

  /** Over directories that are there already; nothing is opened yet. `base` holds `0/volume` and `0/state`. */
  constructor(parts: {
    readonly base: string;
    readonly clock: ManualClock;
    readonly config: VolumeConfig;
    readonly options: HarnessOptions;
    /** What disposing removes, when it is not `base`. */
    readonly removes?: string;
  }) {
    this.#base = parts.base;
    this.#removes = parts.removes ?? parts.base;
    this.clock = parts.clock;
    this.config = parts.config;
    this.#options = parts.options;
  }

  /** Another process on the same files, with other options; this one must be shut. */
  withOptions(options: HarnessOptions): VolumeHarness {
    const parts = { base: this.#base, clock: this.clock, config: this.config, options };
    const other = new VolumeHarness(parts);
    other.#generation = this.#generation;
    return other;
  }

  get root(): string {
    return join(this.#base, String(this.#generation));
  }

  get storeRoot(): string {
    return volumeDirectories(this.root).store;
  }

  get stateRoot(): string {
    return volumeDirectories(this.root).state;
  }

  get stagingRoot(): string {
    return join(this.stateRoot, "staging");
  }

  get journalRoot(): string {
    return join(this.stateRoot, "journal");
  }

  get state(): FileState {
    return this.core.state;
  }

  get tables(): SqliteTables {
    return this.core.state.meta.tables as SqliteTables;
  }

  /** Opens the volume as a starting volume process does. Throws what VolumeCore.open throws. */
  open(options: { readonly orders?: boolean } = {}): void {
    const { limits, appendedEndKnown } = this.#options;
    removeTemporaries(this.stagingRoot);
    this.#blocks = this.newBlocks();
    this.#steps = [];
    this.#syncedCut = -1;
    this.#cancelled.clear();
    const outbox: EngineOutput[] = [];
    let isReady = false;
    this.core = VolumeCore.open({
      databasePath: databasePath(this.storeRoot),
      journalRoot: this.journalRoot,
      disk: this.#options.disk ?? new NodeDisk(),
      random: this.#options.random ?? systemRandom,
      clock: this.clock,
      acl: this.config.acl,
      timeline: this.config.timeline,
      blocks: this.#blocks,
      output: (message) => (isReady ? this.#accept(message) : outbox.push(message)),
      limits: limits ?? SMALL_LIMITS,
      ...(appendedEndKnown === undefined ? {} : { appendedEndKnown }),
    });
    this.#isOpen = true;
    isReady = true;
    this.#removeStrays();
    this.#options.onOpen?.(this);
    for (const message of outbox) this.#accept(message);
    if (options.orders !== false) this.core.orderPending();
  }

  newBlocks(): LocalBlocks {
    return new LocalBlocks({
      storeRoot: this.storeRoot,
      stagingRoot: this.stagingRoot,
      volumeUuid: this.config.uuid,
      timeline: this.config.timeline,
      clock: this.clock,
    });
  }

  /** Steps of the pipeline that wait. */
  get stepCount(): number {
    return this.#steps.length;
  }

  /** The work the volume does for itself, on the volume as it is open now. */
  maintenance(): Maintenance {
    return new Maintenance({
      state: this.state,
      executor: this.core.executor,
      clock: this.clock,
      caller: () => this.caller(),
      hints: (pack) => this.#blocks.hints(pack),
    });
  }

  /** Runs at most `count` steps, of one line or of all; returns how many there were. */
  pump(count: number = STEP_COUNT_MAX, line?: PipelineLine): number {
    let done = 0;
    for (; done < count; done++) {
      const step = this.#takeStep(line);
      if (step === undefined) return done;
      step.run();
      if (done === STEP_COUNT_MAX - 1) throw new Error("the pipeline never comes to an end");
    }
    return done;
  }

  /** The next step of a line, by `schedule` or in the order in which they were handed out. */
  #takeStep(only: PipelineLine | undefined): Step | undefined {
    const heads = LINES.filter((line) => only === undefined || line === only)
      .map((line) => this.#steps.find((step) => step.line === line))
      .filter((step) => step !== undefined && step.afterCut <= this.#syncedCut);
    const { schedule } = this.#options;
    const chosen =
      schedule === undefined
        ? this.#steps.find((step) => heads.includes(step))
        : heads[schedule.below(Math.max(1, heads.length))];
    if (chosen !== undefined) this.#steps.splice(this.#steps.indexOf(chosen), 1);
    return chosen;
  }

  /** Cuts and pumps until nothing is left to do. */
  settle(): void {
    for (let round = 0; !this.core.isSettled || this.#steps.length > 0; round++) {
      if (round > 100) throw new Error("the volume never settles");
      this.pump();
      if (this.core.hasChanges && this.core.mayCut) this.core.cut();
    }
  }

  /**
   * Opens the volume again. "kill": from a copy of the files as they are, without a word to the old one; "close": after
   * `close`; "clean": settled, and closed for good.
   */
  reopen(how: "kill" | "close" | "clean" = "kill"): void {
    this.shut(how);
    this.open();
  }

  /** As `reopen`, and leaves the volume closed: its files lie below `root`. */
  shut(how: "kill" | "close" | "clean" = "kill"): void {
    if (how === "clean") {
      this.settle();
      this.core.closeClean();
      this.#release();
      return;
    }
    if (how === "close") {
      this.core.close();
      this.#release();
      return;
    }
    const before = this.root;
    this.#generation++;
    // A process that is gone wrote nothing more: SQLite's shared index is made anew, the rest is as it was.
    cpSync(before, this.root, { recursive: true, filter: (path) => !path.endsWith("-shm") });
    this.core.close();
    this.#release();
    rmSync(before, { recursive: true });
  }

  /** The journal's directory of the open volume. */
  get journalDir(): string {
    return join(this.journalRoot, toHex(this.core.journal.uuid));
  }

  caller(changes: Partial<Caller> = {}): Caller {
    const now = { sec: 0, nsec: 0 };
    this.clock.realtime(now);
    return { ...this.core.caller(), umask: 0, ...changes, now };
  }

  runFile<Args, Result>(
    operation: Operation<FileState, Args, Result>,
    args: Args,
    caller?: Caller,
  ): Result {
    return this.core.executor.runFile(operation, caller ?? this.caller(), args);
  }

  runMeta<Args, Result>(
    operation: Operation<MetaState, Args, Result>,
    args: Args,
    caller?: Caller,
  ): Result {
    return this.core.executor.runMeta(operation, caller ?? this.caller(), args);
  }

  makeFile(name: string, changes: Partial<CreateArgs> = {}): Ino {
    const args = { parent: toIno(1), name, mode: FileType.REGULAR | 0o644, rdev: 0, ...changes };
    return this.runMeta(create, args).ino;
  }

  write(ino: Ino, offset: number, data: Uint8Array | string, changes: Partial<Caller> = {}): void {
    const bytes = Buffer.from(data);
    const buffer = Buffer.concat([Buffer.alloc(80), bytes]);
    const request = { ino, offset, length: bytes.length, append: false, killSuidgid: false };
    this.core.executor.write(this.caller(changes), request, buffer, 0);
  }

  /** The whole file, or a range of it. */
  read(ino: Ino, offset: number = 0, length: number = Number.MAX_SAFE_INTEGER): Buffer {
    const inode = this.inode(ino);
    const size = Math.max(0, Math.min(length, inode.size - offset));
    const into = Buffer.alloc(size, 0xee);
    const count = this.core.reader.read(inode, { offset, length: size }, into, 0);
    return into.subarray(0, count);
  }

  inode(ino: Ino): Inode {
    return this.state.meta.requireInode(ino);
  }

  lookup(name: string, parent: Ino = toIno(1)): Ino {
    const found = this.state.meta.lookup(parent, name);
    if (found === undefined) throw new FsError("ENOENT", name);
    return found.ino;
  }

  /** Ids of the packs in the store, in order. */
  storedPacks(): PackId[] {
    return listPacks(join(this.storeRoot, "packs"));
  }

  stagedPacks(): PackId[] {
    return listPacks(this.stagingRoot);
  }

  packPath(pack: PackId): string {
    return join(this.storeRoot, packKey(this.config.timeline, pack));
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) {
      this.core.close();
      this.#release();
    }
    rmSync(this.#removes, { recursive: true, force: true });
  }

  #release(): void {
    this.#isOpen = false;
    this.#blocks[Symbol.dispose]();
    this.#steps = [];
  }

  /** Staged packs that nothing waits for any more, as the mount removes them. */
  #removeStrays(): void {
    for (const pack of this.stagedPacks()) {
      if (this.state.pending.has(pack)) continue;
      unlinkSync(this.#stagedPath(pack));
    }
  }

  #stagedPath(pack: PackId): string {
    return join(this.stagingRoot, packKey(this.config.timeline, pack).slice("packs/".length));
  }

  #accept(message: EngineOutput): void {
    if (this.#options.outputs !== undefined) {
      this.#options.outputs(message);
      return;
    }
    if (message.kind === "cancel") {
      for (const pack of message.packs) this.#cancelled.add(pack);
      return;
    }
    if (message.kind === "delete") {
      for (const pack of message.packs) {
        this.#step("deletions", "packDeleted", -1, () => this.#delete(pack));
      }
      return;
    }
    const { cut, packs } = message;
    this.#step("syncs", "walSynced", -1, () => {
      if (this.#options.syncsWal !== false) syncFile(`${databasePath(this.storeRoot)}-wal`);
      this.#syncedCut = Math.max(this.#syncedCut, cut);
      this.events.push(`walSynced ${cut}`);
      this.core.receive({ kind: "walSynced", cut });
    });
    for (const { pack, plan } of packs) this.#acceptPack(cut, pack, plan);
  }

  #acceptPack(cut: number, pack: PackId, plan: Uint8Array): void {
    const step = (point: FaultPoint, work: () => void): void =>
      this.#step("packs", point, cut, work);
    let staged: StagedResult | undefined;
    step("packBuilt", () => {
      if (this.#cancelled.delete(pack)) {
        // An earlier process may have stored it before it died.
        this.#unlinkStored(pack);
        rmSync(this.#stagedPath(pack), { force: true });
        this.core.receive({ kind: "packCancelled", pack });
        this.events.push(`packCancelled ${pack}`);
        return;
      }
      const build = this.#options.buildPack ?? buildFromPlan;
      staged = build(this, pack, plan);
      this.events.push(`packBuilt ${pack}`);
    });
    step("packLinked", () => {
      if (staged === undefined) return;
      this.#link(pack, staged.path);
      this.events.push(`packLinked ${pack}`);
    });
    step("packTold", () => {
      if (staged === undefined) return;
      this.core.receive({ kind: "packStored", pack, storedSize: staged.size });
      this.events.push(`packTold ${pack}`);
    });
    step("packUnstaged", () => {
      if (staged !== undefined) unlinkSync(staged.path);
    });
  }

  #step(line: PipelineLine, point: FaultPoint, afterCut: number, work: () => void): void {
    const run = (): void => {
      work();
      this.#options.fault?.(point);
    };
    this.#steps.push({ line, afterCut, run });
  }

  /** Rule S3, and K3: what has the name already must have the same bytes. */
  #link(pack: PackId, path: string): void {
    const target = this.packPath(pack);
    makeDirectories(this.storeRoot, dirname(target));
    if (existsSync(target)) {
      if (readFileSync(target).equals(readFileSync(path))) return;
      throw new FsError("EEXIST", `pack ${pack} is stored already with other bytes`);
    }
    linkSync(path, target);
    for (let at = dirname(target); at.length >= this.storeRoot.length; at = dirname(at)) {
      syncFile(at);
    }
  }

  #delete(pack: PackId): void {
    this.#unlinkStored(pack);
    this.events.push(`packDeleted ${pack}`);
    this.core.receive({ kind: "packDeleted", pack });
  }

  #unlinkStored(pack: PackId): void {
    const path = this.packPath(pack);
    if (existsSync(path)) unlinkSync(path);
    if (existsSync(dirname(path))) syncFile(dirname(path));
  }
}

/** As the pack thread does it: with descriptors and caches of its own. */
export function buildFromPlan(
  harness: VolumeHarness,
  pack: PackId,
  plan: Uint8Array,
): StagedResult {
  using blocks = harness.newBlocks();
  using builder = new PackBuilder({
    disk: new NodeDisk(),
    journalDir: harness.journalDir,
    journalUuid: harness.core.journal.uuid,
    stagingRoot: harness.stagingRoot,
    volumeUuid: harness.config.uuid,
    timeline: harness.config.timeline,
    compression: harness.config.compression,
    blocks,
  });
  return builder.build(pack, plan);
}

/** Random bytes that no codec makes smaller. */
export function noise(length: number): Uint8Array {
  return randomFillSync(new Uint8Array(length));
}

function listPacks(root: string): PackId[] {
  if (!existsSync(root)) return [];
  const packs: PackId[] = [];
  for (const path of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    const name = parsePackPath(path.split(sep).join("/"));
    if (name !== undefined) packs.push(toPackId(name.pack));
  }
  return packs.toSorted((a, b) => a - b);
}

function syncFile(path: string): void {
  const fd = openSync(path, "r");
  try {
    if (path.endsWith("-wal")) fdatasyncSync(fd);
    else fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
