/**
 * A daemon of other people: started in the foreground, awaited, ended with the run whatever happens to it.
 *
 * What always holds: only processes and mounts that were made here are touched.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { makeWorkDirectory, until } from "../../test/support/mount-fixture.ts";
import { readMountTable } from "../../src/sys/mount-table.ts";

const open = new Set<PeerHome>();
let isWatching = false;

/** A directory for one peer, the processes started for it and what they mounted below it. */
export class PeerHome {
  readonly base: string;
  readonly #children: ChildProcess[] = [];

  constructor(name: string) {
    this.base = makeWorkDirectory(`bench-${name}`);
    open.add(this);
    if (isWatching) return;
    isWatching = true;
    process.on("exit", () => {
      for (const home of open) home.remove();
    });
  }

  path(name: string): string {
    return join(this.base, name);
  }

  /** Throws with what it said unless it succeeds. */
  run(command: readonly string[]): void {
    const { status, stderr, stdout } = spawnSync(command[0]!, command.slice(1), {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}${stdout}`);
  }

  start(command: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn(command[0]!, command.slice(1), {
      stdio: "ignore",
      cwd: this.base,
      env: { ...process.env, ...env },
    });
    this.#children.push(child);
    return child;
  }

  /** Starts `command`, which mounts on `directory`, and waits for that. */
  async mount(
    command: readonly string[],
    directory: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const child = this.start(command, env);
    await until(`${command[0]!} mounts`, () => {
      if (child.exitCode !== null) throw new Error(`${command.join(" ")}: exit ${child.exitCode}`);
      return isMounted(directory) ? true : undefined;
    });
  }

  async unmount(directory: string): Promise<void> {
    spawnSync("umount", [directory]);
    await until(`${directory} is unmounted`, () => (isMounted(directory) ? undefined : true));
  }

  /** Those that were started here, and all that they started. */
  processes(): number[] {
    return withDescendants(this.#children.flatMap(({ pid }) => (pid === undefined ? [] : [pid])));
  }

  remove(): void {
    open.delete(this);
    for (const { directory } of readMountTable().toReversed()) {
      if (directory.startsWith(`${this.base}/`)) spawnSync("umount", ["-i", "-l", "--", directory]);
    }
    for (const pid of this.processes().toReversed()) kill(pid);
    rmSync(this.base, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A TCP port of 127.0.0.1 that nobody listens on. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo;
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  return port;
}

/** Waits until somebody listens on `port`. */
export async function untilListening(port: number): Promise<void> {
  await until(`a listener on port ${port}`, async () => {
    const tried = Promise.withResolvers<true | undefined>();
    const socket = connect(port, "127.0.0.1", () => tried.resolve(true));
    socket.on("error", () => tried.resolve(undefined));
    const isThere = await tried.promise;
    socket.destroy();
    return isThere;
  });
}

function isMounted(directory: string): boolean {
  return readMountTable().some((entry) => entry.directory === directory);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function withDescendants(roots: readonly number[]): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (/^\d+$/.test(name)) parents.set(Number(name), parentOf(Number(name)));
  }
  const found = roots.filter((pid) => parents.has(pid));
  for (const pid of found) {
    for (const [child, parent] of parents) {
      if (parent === pid && !found.includes(child)) found.push(child);
    }
  }
  return found;
}

function parentOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}
