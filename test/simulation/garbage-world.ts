/**
 * Collectors, creators and deleters of names over one timeline, in random schedules: frozen anywhere, dying anywhere, with
 * lost answers and requests that are applied late. Checker 3 of the protocol: at every moment each visible name and each
 * instant of the window has its data.
 */
import { createHash } from "node:crypto";
import { Prng } from "../../src/core/prng.ts";
import type { CreateOutcome, SwapOutcome } from "../../src/object/object-store.ts";
import { decodeCheckpoint } from "../../src/timeline/checkpoint.ts";
import { decodeFloors } from "../../src/timeline/floors.ts";
import { CHECKPOINT_PREFIX, FLOORS_KEY } from "../../src/timeline/object-keys.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { DATA_PREFIX, type GarbageMutation, garbageProgram, TIMELINE } from "./garbage-host.ts";
import { SimHost } from "./sim-host.ts";
import { SimNetwork, type SimRequest } from "./sim-network.ts";
import { Violation } from "./violation.ts";

const STEP_COUNTS = [300, 900, 2000];
const FIRST_NEWEST = 12;
const ANSWER_CHANCE = 0.95;
const KINDS = [
  "collector",
  "collector",
  "creator",
  "creator",
  "creator",
  "deleter",
  "deleter",
] as const;

export interface GarbageResult {
  readonly made: number;
  readonly collected: number;
  readonly digest: string;
}

export class GarbageWorld {
  readonly #prng: Prng;
  readonly #ids: Prng;
  readonly #network: SimNetwork;
  readonly #mutation: GarbageMutation | undefined;
  readonly #hosts: SimHost[] = [];
  /** What is true, as requests have made it. */
  readonly #names = new Map<string, number | undefined>();
  readonly #data = new Set<number>();
  readonly #digest = createHash("sha256");
  #newest = FIRST_NEWEST;
  #floor = 1;
  #made = 0;
  #collected = 0;

  constructor(seed: number, mutation?: GarbageMutation) {
    this.#prng = new Prng(seed);
    this.#ids = new Prng(seed ^ 0x1d5);
    this.#mutation = mutation;
    this.#network = new SimNetwork(this.#prng, new ManualClock(), (request, answer) =>
      this.#onApplied(request, answer),
    );
  }

  async run(): Promise<GarbageResult> {
    for (let txid = 1; txid <= this.#newest; txid++) await this.#ship(txid);
    for (const kind of KINDS) {
      const mutation = this.#mutation;
      const program = garbageProgram(kind, {
        newest: () => this.#newest,
        ...(mutation === undefined ? {} : { mutation }),
      });
      this.#hosts.push(await this.#start(program));
    }
    const stepCount = STEP_COUNTS[this.#prng.below(STEP_COUNTS.length)]!;
    for (let i = 0; i < stepCount; i++) await this.#step();
    return { made: this.#made, collected: this.#collected, digest: this.#digest.digest("hex") };
  }

  #start(program: Parameters<typeof SimHost.start>[0]["program"]): Promise<SimHost> {
    return SimHost.start({
      network: this.#network,
      draw: (bound) => this.#prng.below(bound),
      freshId: () => this.#freshId(),
      nowMs: () => 0,
      report: () => {},
      program,
    });
  }

  async #step(): Promise<void> {
    const dice = this.#prng.fraction();
    if (dice < 0.03) await this.#ship(++this.#newest);
    else if (dice < 0.05) {
      const host = this.#hosts[this.#prng.below(this.#hosts.length)]!;
      const call = host.openCalls[0];
      if (call !== undefined) await host.timeOut(call);
    } else if (this.#network.pendingCount > 0) await this.#network.applyAny(ANSWER_CHANCE);
    for (const { failure } of this.#hosts) {
      if (failure !== undefined) throw new Violation(`a host failed: ${String(failure)}`);
    }
    this.#check();
  }

  async #ship(txid: number): Promise<void> {
    await this.#network.truth.create(`${DATA_PREFIX}${txid}`, new Uint8Array(1));
    this.#data.add(txid);
  }

  #onApplied({ method, args }: SimRequest, answer: unknown): void {
    const key = args[0] as string;
    if (method === "delete" && key.startsWith(DATA_PREFIX)) {
      if (this.#data.delete(Number(key.slice(DATA_PREFIX.length)))) this.#collected++;
    }
    const isWritten =
      (method === "create" && (answer as CreateOutcome).created) ||
      (method === "swap" && (answer as SwapOutcome).swapped);
    if (!isWritten) return;
    const body = args.at(method === "create" ? 1 : 2) as Uint8Array;
    this.#digest.update(key).update(body);
    if (key === FLOORS_KEY) this.#floor = decodeFloors(body, key).get(TIMELINE) ?? 1;
    if (!key.startsWith(CHECKPOINT_PREFIX)) return;
    const { instant } = decodeCheckpoint(body, key);
    this.#names.set(key, instant?.txid);
    if (instant !== undefined) this.#made++;
  }

  #check(): void {
    for (const [name, txid] of this.#names) {
      if (txid !== undefined && !this.#data.has(txid))
        throw new Violation(`${name} at ${txid} lost its data (floor ${this.#floor})`);
    }
    for (let txid = this.#floor; txid <= this.#newest; txid++) {
      if (!this.#data.has(txid)) throw new Violation(`instant ${txid} of the window lost its data`);
    }
  }

  #freshId(): string {
    let id = "";
    for (let i = 0; i < 4; i++) id += this.#ids.u32().toString(16).padStart(8, "0");
    return id;
  }
}
