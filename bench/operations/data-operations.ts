/**
 * Operations on the data of one file, `data` in the thread's own directory: `count` steps of `blockSize` bytes, in
 * sequence or at places that depend on nothing but the step. What is written is text that compresses to about a half.
 */
import { Prng } from "../../src/core/prng.ts";
import * as call from "../support/system-call.ts";
import type { Operation, OperationSpec, Task } from "./operation.ts";

const MEGABYTE = 1e6;
const O_NEW: number = call.O_CREAT | call.O_EXCL | call.O_RDWR;
/** Coprime to every power of two: walks over all blocks before it meets one again. */
const STRIDE = 7919;
const FILL_SIZE: number = 1024 * 1024;

/** `size` bytes, half of them noise, from a fixed seed. */
function makeBlock(size: number): Uint8Array {
  const prng = new Prng(1);
  const block = new Uint8Array(size);
  for (let i = 0; i < size; i++) block[i] = i % 16 < 8 ? prng.u32() & 0xff : 32;
  return block;
}

function openFile(spec: OperationSpec, flags: number): number {
  return call.must(call.open(call.cPath(`${spec.directory}/data`), flags, 0o644), "open");
}

function writeAll(fd: number, block: Uint8Array, at: number): void {
  if (call.must(call.pwrite(fd, block, block.length, at), "pwrite") !== block.length) {
    throw new Error("a write was cut short");
  }
}

function readAll(fd: number, into: Uint8Array, at: number): void {
  if (call.must(call.pread(fd, into, into.length, at), "pread") !== into.length) {
    throw new Error("a read was cut short");
  }
}

/** Writes a new file; `isSynced`: with an fsync at the end, which is timed. */
function writeSequential(spec: OperationSpec, isSynced: boolean): Task {
  const block = makeBlock(spec.blockSize!);
  const fd = openFile(spec, O_NEW);
  return {
    unitsPerStep: block.length / MEGABYTE,
    step: (i) => writeAll(fd, block, i * block.length),
    end() {
      if (isSynced) call.must(call.fsync(fd), "fsync");
      call.must(call.close(fd), "close");
    },
  };
}

function readSequential(spec: OperationSpec): Task {
  const into = new Uint8Array(spec.blockSize!);
  const fd = openFile(spec, call.O_RDONLY);
  return {
    unitsPerStep: into.length / MEGABYTE,
    step: (i) => readAll(fd, into, i * into.length),
    after: () => void call.close(fd),
  };
}

function random(
  flags: number,
  each: (fd: number, block: Uint8Array, at: number) => void,
): Operation {
  return (spec) => {
    const block = makeBlock(spec.blockSize!);
    const fd = openFile(spec, flags);
    const blockCount = Math.floor(spec.size! / block.length);
    return {
      step: (i) => each(fd, block, ((i * STRIDE) % blockCount) * block.length),
      after: () => void call.close(fd),
    };
  };
}

/** Appends to the file `log`, with fdatasync each when asked. */
function append(spec: OperationSpec, isSynced: boolean): Task {
  const block = makeBlock(spec.blockSize!);
  const flags = call.O_CREAT | call.O_WRONLY | call.O_APPEND;
  const fd = call.must(call.open(call.cPath(`${spec.directory}/log`), flags, 0o644), "open");
  return {
    step() {
      call.must(call.write(fd, block, block.length), "write");
      if (isSynced) call.must(call.fdatasync(fd), "fdatasync");
    },
    after: () => void call.close(fd),
  };
}

/** Random writes with a flush each, into a file that is filled before the clock starts. */
function writeNewSynced(spec: OperationSpec): Task {
  const filled = writeSequential({ ...spec, blockSize: FILL_SIZE }, true);
  for (let i = 0; i < spec.size! / FILL_SIZE; i++) filled.step(i);
  filled.end!();
  return writeRandomSynced(spec);
}

const writeRandomSynced: Operation = random(call.O_RDWR, (fd, block, at) => {
  writeAll(fd, block, at);
  call.must(call.fdatasync(fd), "fdatasync");
});

export const DATA_OPERATIONS: Readonly<Record<string, Operation>> = {
  writeSequential: (spec) => writeSequential(spec, false),
  writeSynced: (spec) => writeSequential(spec, true),
  readSequential,
  readRandom: random(call.O_RDONLY, readAll),
  writeRandom: random(call.O_RDWR, writeAll),
  writeNewSynced,
  append: (spec) => append(spec, false),
  appendSynced: (spec) => append(spec, true),
};
