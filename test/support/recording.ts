/** Records what is done below a directory: mounts the recording filesystem there, and gives its log in the end. */
import { spawn, type ChildProcess } from "node:child_process";
import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath, geteuid } from "node:process";
import { fileURLToPath } from "node:url";
import { deserialize } from "node:v8";
import { findMount } from "../../src/sys/mount-table.ts";
import { unmount } from "../../src/fuse/unmount.ts";
import { MARK_FILE, type RecordedOperation } from "./recorded-operation.ts";

const PROGRAM = fileURLToPath(new URL("recording-process.ts", import.meta.url));

export function reasonNotToRecord(): string | false {
  if (geteuid?.() !== 0) return "mounting wants root";
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return false;
  } catch {
    return "there is no /dev/fuse";
  }
}

export class Recording implements AsyncDisposable {
  /** What happens below it is recorded. */
  readonly directory: string;
  readonly #base: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #markFd = -1;

  static async start(): Promise<Recording> {
    const base = mkdtempSync(join(tmpdir(), "shoal-recording-"));
    const recording = new Recording(base);
    await recording.#begin();
    return recording;
  }

  private constructor(base: string) {
    this.#base = base;
    this.directory = join(base, "mount");
    mkdirSync(this.directory);
    this.#child = spawn(execPath, [PROGRAM, this.directory, join(base, "log")], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once("exit", () => resolve());
    });
  }

  /** Leaves a mark in the log, behind all that was done before. */
  mark(text: string): void {
    writeSync(this.#markFd, text, 0);
  }

  /** Ends the recording. Everything below the directory must be closed. */
  async stop(): Promise<RecordedOperation[]> {
    this.#closeMarks();
    await unmount(this.directory);
    await this.#ended;
    return deserialize(readFileSync(join(this.#base, "log"))) as RecordedOperation[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closeMarks();
    if (findMount(this.directory) !== undefined) {
      await unmount(this.directory, { lazy: true, force: true });
    }
    await this.#ended;
    rmSync(this.#base, { recursive: true, force: true });
  }

  async #begin(): Promise<void> {
    const isServing = new Promise<boolean>((resolve) => {
      this.#child.once("message", () => resolve(true));
      void this.#ended.then(() => resolve(false));
    });
    if (!(await isServing)) throw new Error("the recording process ended before it served");
    this.#markFd = openSync(join(this.directory, MARK_FILE), "w");
  }

  #closeMarks(): void {
    if (this.#markFd >= 0) closeSync(this.#markFd);
    this.#markFd = -1;
  }
}
