/** A control group that limits memory, of either version of cgroups. Wants root. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ROOT_V1 = "/sys/fs/cgroup/memory";
const ROOT_V2 = "/sys/fs/cgroup";
const REMOVE_COUNT_MAX = 50;

export function reasonNotToLimit(): string | undefined {
  if (existsSync(join(ROOT_V1, "memory.limit_in_bytes"))) return undefined;
  const controllers = join(ROOT_V2, "cgroup.subtree_control");
  const hasMemory = existsSync(controllers) && / ?memory/u.test(readFileSync(controllers, "utf8"));
  return hasMemory ? undefined : "there is no control group for memory";
}

export class MemoryGroup implements AsyncDisposable {
  readonly #path: string;
  readonly #isV1: boolean;

  constructor(name: string, limit: number) {
    this.#isV1 = existsSync(join(ROOT_V1, "memory.limit_in_bytes"));
    this.#path = join(this.#isV1 ? ROOT_V1 : ROOT_V2, `${name}-${process.pid}`);
    mkdirSync(this.#path);
    this.#write(this.#isV1 ? "memory.limit_in_bytes" : "memory.max", String(limit));
  }

  /** Goes before a command that shall run in the group, and all it starts. */
  get prefix(): readonly string[] {
    return ["sh", "-c", 'echo $$ > "$0"; exec "$@"', join(this.#path, "cgroup.procs")];
  }

  /** The most that all in it took at once, caches included. */
  get peakSize(): number {
    const name = this.#isV1 ? "memory.max_usage_in_bytes" : "memory.peak";
    return Number(this.#read(name));
  }

  /** Processes that the kernel killed for want of memory. */
  get killCount(): number {
    const text = this.#read(this.#isV1 ? "memory.oom_control" : "memory.events");
    return Number(/^oom_kill (\d+)$/mu.exec(text)?.[1] ?? Number.NaN);
  }

  /** Once nobody is in it any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (let count = 0; count < REMOVE_COUNT_MAX; count++) {
      try {
        return rmdirSync(this.#path);
      } catch {
        await sleep(100);
      }
    }
  }

  #read(name: string): string {
    return readFileSync(join(this.#path, name), "utf8");
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#path, name), text);
  }
}
