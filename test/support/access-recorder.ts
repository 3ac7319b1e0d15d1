/** Which FUSE requests some system calls cost: read from the access log of a mount between two marks. */
import { statfsSync } from "node:fs";
import type { ControlClient } from "../../src/mount/control-client.ts";
import type { AccessEntry } from "../../src/mount/engine/engine-link.ts";
import { type MountFixture, until } from "./mount-fixture.ts";

/** Sent whenever the kernel likes to, not because of a call. */
const UNASKED: ReadonlySet<string> = new Set(["forget", "batch_forget", "interrupt"]);
/** STATFS is never cached and nothing else asks for it. */
const MARK = "statfs";

export class AccessRecorder implements Disposable {
  readonly #mountPoint: string;
  readonly #client: ControlClient;
  readonly #records: AccessEntry[] = [];

  static async open(fixture: MountFixture): Promise<AccessRecorder> {
    const recorder = new AccessRecorder(fixture.mountPoint, await fixture.control());
    // The log begins with some request after this one was taken in: ask until one is seen.
    await until("the first entry of the access log", () => {
      statfsSync(fixture.mountPoint);
      return recorder.#records.length > 0 ? true : undefined;
    });
    return recorder;
  }

  private constructor(mountPoint: string, client: ControlClient) {
    this.#mountPoint = mountPoint;
    this.#client = client;
    // Others look at mounts too (df, monitoring); what the kernel does by itself comes from process 0.
    const onEvent = (batch: unknown): void => {
      const records = batch as readonly AccessEntry[];
      this.#records.push(...records.filter(({ pid }) => pid === process.pid || pid === 0));
    };
    // It ends with the connection.
    client.call("access", { onEvent }).catch(() => {});
  }

  /** Names of the requests that `calls` caused, in their order. */
  async record(calls: () => void): Promise<string[]> {
    await this.#mark();
    calls();
    await this.#mark();
    const names = this.#records.map(({ operation }) => operation);
    const end = names.lastIndexOf(MARK);
    const start = names.lastIndexOf(MARK, end - 1);
    return names.slice(start + 1, end).filter((name) => !UNASKED.has(name));
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }

  async #mark(): Promise<void> {
    const count = this.#markCount();
    statfsSync(this.#mountPoint);
    await until("the mark in the access log", () => (this.#markCount() > count ? true : undefined));
  }

  #markCount(): number {
    return this.#records.filter(({ operation }) => operation === MARK).length;
  }
}
