/**
 * A tree of small text files as a source archive has them, the same for the same seed: most files are a few KiB, some
 * are ten times that, about twenty in a directory.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "../../src/core/crc.ts";
import { Prng } from "../../src/core/prng.ts";

const FILES_PER_DIRECTORY = 20;
const DIRECTORIES_PER_PARENT = 12;
const WORD_COUNT = 2000;
/** In bytes; a file is a power of two times it, with a random part. */
const SMALLEST = 512;
const DOUBLINGS_MAX = 6;

export interface SourceTree {
  readonly fileCount: number;
  readonly size: number;
  /** Of all contents in order: the same tree has the same one. */
  readonly hash: string;
}

/** Contents of files, one after the other. */
export class TextSource {
  readonly #prng: Prng;
  readonly #words: readonly string[];

  constructor(seed: number) {
    this.#prng = new Prng(seed);
    this.#words = Array.from({ length: WORD_COUNT }, (_, i) => `word${(i * 7919).toString(36)}`);
  }

  /** A whole number below `bound`. */
  below(bound: number): number {
    return this.#prng.u32() % bound;
  }

  next(): string {
    const doublings = Math.min(this.below(4) + this.below(4), DOUBLINGS_MAX);
    const size = SMALLEST * 2 ** doublings + this.below(SMALLEST);
    let text = "";
    while (text.length < size) {
      const line = Array.from({ length: 8 }, () => this.#words[this.below(WORD_COUNT)]!);
      text += `${line.join(" ")}\n`;
    }
    return text.slice(0, size);
  }
}

/** The path of the `i`-th file below the root of a tree. */
export function pathOfFile(i: number): string {
  const directory = Math.floor(i / FILES_PER_DIRECTORY);
  const parent = Math.floor(directory / DIRECTORIES_PER_PARENT);
  return `part-${parent}/module-${directory % DIRECTORIES_PER_PARENT}/file-${i % FILES_PER_DIRECTORY}.txt`;
}

export function writeSourceTree(root: string, fileCount: number, seed: number): SourceTree {
  const source = new TextSource(seed);
  let hash = 0;
  let size = 0;
  for (let i = 0; i < fileCount; i++) {
    const path = join(root, pathOfFile(i));
    if (i % FILES_PER_DIRECTORY === 0) mkdirSync(dirname(path), { recursive: true });
    const text = Buffer.from(source.next());
    hash = crc32(text, hash);
    size += text.length;
    writeFileSync(path, text);
  }
  return { fileCount, size, hash: hash.toString(16).padStart(8, "0") };
}
