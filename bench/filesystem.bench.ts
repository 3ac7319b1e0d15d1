/**
 * The mounted volume beside the disk's own file system: metadata and data, one thread, default placement.
 *
 * Prints medians of interleaved rounds and, in brackets, the ratio to the disk. Needs root and /dev/fuse. With
 * `--full`: more files, more rounds, and the result is kept in bench/results/.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import {
  MountFixture,
  reasonNotToMount,
  makeWorkDirectory,
} from "../test/support/mount-fixture.ts";
import { contest, printRows, rate, type Contender, type Work } from "./support/contest.ts";
import * as call from "./support/system-call.ts";

const isFull = process.argv.includes("--full");
const FILE_COUNT = isFull ? 5000 : 500;
const DATA_SIZE: number = (isFull ? 256 : 16) * 1024 * 1024;
const SYNC_COUNT = isFull ? 500 : 50;
const ROUND_COUNT = isFull ? 5 : 3;
const PAGE = 4096;
const MIB: number = 1024 * 1024;
const O_RDONLY = 0;
const O_RDWR = 2;
const O_CREAT_EXCL_WRONLY: number = 0o100 | 0o200 | 1;

const reason = reasonNotToMount();
if (reason === undefined) await main();
else console.log(`not run: ${reason}`);

async function main(): Promise<void> {
  await using fixture = await MountFixture.mounted({ name: "bench" });
  const disk = makeWorkDirectory("bench-disk");
  // Without it ext4 spreads new directories over the disk, and is fifteen times slower at making files.
  spawnSync("chattr", ["+T", disk]);
  const contenders: Contender[] = [
    { name: "disk", directory: disk },
    { name: "shoal", directory: fixture.mountPoint },
  ];
  const rows = contest(contenders, [...metadataWorks(), ...dataWorks()], ROUND_COUNT);
  printRows(rows, "disk");
  if (!isFull) return;
  const machine = { kernel: release(), cpus: cpus().length, node: process.version };
  const path = join(import.meta.dirname, "results", "filesystem.json");
  mkdirSync(join(import.meta.dirname, "results"), { recursive: true });
  writeFileSync(
    path,
    `${JSON.stringify({ machine, fileCount: FILE_COUNT, rows }, undefined, 2)}\n`,
  );
}

function metadataWorks(): Work[] {
  const page = new Uint8Array(PAGE).fill(120);
  const create = (directory: string): void => {
    for (let i = 0; i < FILE_COUNT; i++) {
      const fd = call.must(call.open(`${directory}/f${i}`, O_CREAT_EXCL_WRONLY, 0o644), "open");
      call.must(call.write(fd, page, PAGE), "write");
      call.close(fd);
    }
  };
  const overFiles = (name: string, each: (path: string, directory: string) => void): Work => ({
    name,
    unit: "op",
    run(directory) {
      create(directory);
      return rate(FILE_COUNT, () => {
        for (let i = 0; i < FILE_COUNT; i++) each(`${directory}/f${i}`, directory);
      });
    },
  });
  const into = new Uint8Array(PAGE);
  return [
    {
      name: "create + write 4 KiB + close",
      unit: "op",
      run: (directory) => rate(FILE_COUNT, () => create(directory)),
    },
    overFiles("stat (access)", (path) => call.must(call.access(path, 0), "access")),
    overFiles("open + read 4 KiB + close", (path) => {
      const fd = call.must(call.open(path, O_RDONLY, 0), "open");
      call.must(call.read(fd, into, PAGE), "read");
      call.close(fd);
    }),
    overFiles("chmod", (path) => call.must(call.chmod(path, 0o600), "chmod")),
    overFiles("rename", (path) => call.must(call.rename(path, `${path}.new`), "rename")),
    overFiles("link", (path) => call.must(call.link(path, `${path}.link`), "link")),
    overFiles("unlink", (path) => call.must(call.unlink(path), "unlink")),
    {
      name: "mkdir",
      unit: "op",
      run: (directory) =>
        rate(FILE_COUNT, () => {
          for (let i = 0; i < FILE_COUNT; i++)
            call.must(call.mkdir(`${directory}/d${i}`, 0o755), "mkdir");
        }),
    },
    {
      name: "readdir",
      unit: "entry",
      run(directory) {
        create(directory);
        return rate(FILE_COUNT, () => readdirSync(directory));
      },
    },
  ];
}

function dataWorks(): Work[] {
  const buffer = new Uint8Array(MIB);
  for (let i = 0; i < MIB; i++) buffer[i] = (i * 2_654_435_761) >>> 13;
  const fill = (path: string): void => {
    const fd = call.must(call.open(path, O_CREAT_EXCL_WRONLY, 0o644), "open");
    for (let at = 0; at < DATA_SIZE; at += MIB) call.must(call.write(fd, buffer, MIB), "write");
    call.close(fd);
  };
  const megabytes = DATA_SIZE / 1e6;
  return [
    {
      name: "sequential write, 1 MiB",
      unit: "MB",
      run: (directory) => rate(megabytes, () => fill(`${directory}/f`)),
    },
    {
      name: "sequential read, 1 MiB, warm",
      unit: "MB",
      run(directory) {
        fill(`${directory}/f`);
        return rate(megabytes, () => {
          const fd = call.must(call.open(`${directory}/f`, O_RDONLY, 0), "open");
          while (call.must(call.read(fd, buffer, MIB), "read") > 0);
          call.close(fd);
        });
      },
    },
    {
      name: "random 4 KiB write",
      unit: "op",
      run(directory) {
        fill(`${directory}/f`);
        const fd = call.must(call.open(`${directory}/f`, O_RDWR, 0), "open");
        const result = rate(FILE_COUNT, () => {
          for (let i = 0; i < FILE_COUNT; i++) {
            const at = ((i * 7919) % (DATA_SIZE / PAGE)) * PAGE;
            call.must(call.pwrite(fd, buffer, PAGE, at), "pwrite");
          }
        });
        call.close(fd);
        return result;
      },
    },
    {
      name: "random 4 KiB write + fdatasync",
      unit: "op",
      run(directory) {
        fill(`${directory}/f`);
        const fd = call.must(call.open(`${directory}/f`, O_RDWR, 0), "open");
        call.must(call.fdatasync(fd), "fdatasync");
        const result = rate(SYNC_COUNT, () => {
          for (let i = 0; i < SYNC_COUNT; i++) {
            const at = ((i * 7919) % (DATA_SIZE / PAGE)) * PAGE;
            call.must(call.pwrite(fd, buffer, PAGE, at), "pwrite");
            call.must(call.fdatasync(fd), "fdatasync");
          }
        });
        call.close(fd);
        return result;
      },
    },
  ];
}
