/**
 * A client on a disk that fills up: `node full-disk-child.ts DIRECTORY SEED`, with an IPC channel. Makes, reads and removes
 * files whose bytes it knows; ENOSPC is an answer, every other error and every wrong byte ends it. Told to stop, it reads all.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Prng } from "../../src/core/prng.ts";

export interface FullDiskCounts {
  /** Files written whole. */
  readonly written: number;
  /** Calls that were refused for want of room. */
  readonly refused: number;
  readonly isOver: boolean;
}

const SIZE_MAX: number = 400 * 1024;
const FILE_COUNT_MAX = 150;
const TELL_EVERY = 5;
/** After a refusal, and now and then. */
const PAUSE_MS = 10;

class FullDiskClient {
  readonly #directory: string;
  readonly #prng: Prng;
  /** The seed of each file's bytes. */
  readonly #files = new Map<string, number>();
  #count = 0;
  written = 0;
  refused = 0;

  constructor(directory: string, seed: number) {
    this.#directory = directory;
    this.#prng = new Prng(seed);
    mkdirSync(directory);
  }

  /** False when there was no room. */
  step(): boolean {
    const name = `file-${this.#count++}`;
    const seed = this.#prng.u32();
    try {
      writeFileSync(join(this.#directory, name), contentOf(seed), { flag: "wx" });
      this.#files.set(name, seed);
      this.written++;
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOSPC") throw error;
      this.refused++;
      // Removing needs no room.
      rmSync(join(this.#directory, name), { force: true });
      return false;
    } finally {
      this.#checkOne();
      if (this.#files.size > FILE_COUNT_MAX) this.#removeOne();
    }
    return true;
  }

  checkAll(): void {
    for (const name of this.#files.keys()) this.#check(name);
  }

  #pick(): string | undefined {
    return [...this.#files.keys()][this.#prng.below(this.#files.size)];
  }

  #checkOne(): void {
    const name = this.#pick();
    if (name !== undefined) this.#check(name);
  }

  #removeOne(): void {
    const name = this.#pick()!;
    rmSync(join(this.#directory, name));
    this.#files.delete(name);
  }

  #check(name: string): void {
    const wanted = contentOf(this.#files.get(name)!);
    assert.ok(readFileSync(join(this.#directory, name)).equals(wanted), `${name} has other bytes`);
  }
}

/** Bytes that do not compress. */
function contentOf(seed: number): Buffer {
  const prng = new Prng(seed);
  const bytes = new Uint32Array(1 + prng.below(SIZE_MAX / 4));
  for (let index = 0; index < bytes.length; index++) bytes[index] = prng.u32();
  return Buffer.from(bytes.buffer);
}

async function main([directory, seed]: string[]): Promise<void> {
  const client = new FullDiskClient(directory!, Number(seed));
  const stopping = { isStopping: false };
  process.on("message", () => (stopping.isStopping = true));
  const tell = (isOver: boolean): void => {
    const { written, refused } = client;
    process.send!({ written, refused, isOver } satisfies FullDiskCounts);
  };
  for (let step = 0; !stopping.isStopping; step++) {
    const hadRoom = client.step();
    if (!hadRoom || step % TELL_EVERY === 0) {
      tell(false);
      await sleep(PAUSE_MS);
    }
  }
  client.checkAll();
  tell(true);
  process.disconnect?.();
}

await main(process.argv.slice(2));
