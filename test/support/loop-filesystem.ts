/** A small ext4 of its own, in a file: what fills up, or goes away, without harm to others. Wants root and loop devices. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { makeWorkDirectory, reasonNotToMount } from "./mount-fixture.ts";

const SPARE_SIZE = 64 * 1024;

export function reasonNotToLoop(): string | undefined {
  const reason = reasonNotToMount();
  if (reason !== undefined) return reason;
  if (!existsSync("/dev/loop-control")) return "there are no loop devices";
  return spawnSync("mkfs.ext4", ["-V"]).status === 0 ? undefined : "there is no mkfs.ext4";
}

export class LoopFilesystem implements Disposable {
  readonly directory: string;
  readonly #base: string;
  readonly #filler: string;

  constructor(name: string, size: number) {
    this.#base = makeWorkDirectory(name);
    this.directory = join(this.#base, "mnt");
    this.#filler = join(this.directory, "filler");
    const image = join(this.#base, "image");
    mkdirSync(this.directory);
    writeFileSync(image, "");
    truncateSync(image, size);
    run(["mkfs.ext4", "-q", "-m", "0", image]);
    run(["mount", "-o", "loop", image, this.directory]);
  }

  /** A stranger takes all the room there is, but what files of the fill itself need. */
  fill(): void {
    for (;;) {
      const { bfree, bsize } = statfsSync(this.directory);
      const size = bfree * bsize - SPARE_SIZE;
      if (size <= 0) return;
      const used = existsSync(this.#filler) ? this.#sizeOfFiller() : 0;
      // Others take room meanwhile: less is tried then.
      const made = spawnSync("fallocate", ["-o", String(used), "-l", String(size), this.#filler]);
      if (made.status !== 0) {
        spawnSync("fallocate", [
          "-o",
          String(used),
          "-l",
          String(Math.ceil(size / 2)),
          this.#filler,
        ]);
        return;
      }
    }
  }

  empty(): void {
    rmSync(this.#filler, { force: true });
  }

  [Symbol.dispose](): void {
    spawnSync("umount", ["-l", this.directory]);
    rmSync(this.#base, { recursive: true, force: true });
  }

  #sizeOfFiller(): number {
    return statSync(this.#filler).size;
  }
}

function run(command: readonly string[]): void {
  const { status, stderr } = spawnSync(command[0]!, command.slice(1), { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
}
