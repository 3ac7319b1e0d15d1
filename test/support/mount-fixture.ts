/**
 * A real mount for tests: a fresh volume, its own state directory, the program's own command line as a child process.
 *
 * What always holds: whatever happens to the test (a failure, a SIGKILL, a dead mount), the mount is detached, its files
 * are removed, and no processes are killed but those that have files of its volume or state open.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statfsSync,
} from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readMountTable } from "../../src/sys/mount-table.ts";
import { ControlClient } from "../../src/mount/control-client.ts";

const ROOT = join(import.meta.dirname, "..", "..");
export const MAIN: string = join(ROOT, "src", "cli", "main.ts");
/** Where root's mounts leave links to state directories elsewhere (src/mount/running-state.ts). */
const LINKS = "/var/lib/shoal/.mounts";
/** linux/magic.h TMPFS_MAGIC: a state directory there is refused. */
const TMPFS_MAGIC = 0x0102_1994;
/** For one awaited state; only a hang takes that long. */
const PATIENCE_MS = 180_000;
/** For one command, which may be a whole program's work on a busy machine. */
const COMMAND_PATIENCE_MS = 600_000;
const POLL_MS = 10;
/** What one look may count for: a machine that was suspended in between has not waited. */
const LOOK_MS_MAX = 1000;

/**
 * Waits until nobody holds the other end of its stdin, which is when this process has ended, be it by SIGKILL, and then
 * removes what is left below $1: processes that have files of the mount open, the mount, the files.
 */
const WATCHDOG = `
trap '' HUP INT TERM
read -r nothing
for process in /proc/[0-9]*; do
  if ls -l "$process/fd" 2>/dev/null | grep -qF -e "$1/state/" -e "$1/volume/"; then
    kill -9 "\${process#/proc/}"
  fi
done
umount -i -l -- "$1/mnt"
rm -rf -- "$1"`;

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** What the supervisor says of itself (src/mount/supervisor.ts, `status`). */
export interface SupervisorStatus {
  readonly state: string;
  readonly supervisorPid: number;
  readonly volumePid?: number;
  readonly sparePid?: number;
  readonly restarts: number;
  readonly lastDeath?: string;
  readonly crashLoop?: string;
}

export interface MountFixtureOptions {
  /** In the names of its directories. */
  readonly name: string;
  /** For `shoal create`. */
  readonly create?: readonly string[];
  /** For every `shoal mount`. */
  readonly mount?: readonly string[];
  /** Goes before the command of every mount: `taskset -c 1`. */
  readonly prefix?: readonly string[];
  /** Where its directories lie; the system's place for temporary files without. */
  readonly parent?: string;
}

const alive = new Set<MountFixture>();
let isWatching = false;

/** Why no mount can be made here; undefined when one can. */
export function reasonNotToMount(): string | undefined {
  if (process.getuid?.() !== 0) return "mounts as root, and this is not root";
  if (!existsSync("/dev/fuse")) return "there is no /dev/fuse";
  try {
    closeSync(openSync("/dev/fuse", "r+"));
    return undefined;
  } catch (error) {
    return `/dev/fuse cannot be opened: ${(error as Error).message}`;
  }
}

/** For `describe` and `it`. */
export function skipWithoutMount(): { readonly skip?: string } {
  const skip = reasonNotToMount();
  return skip === undefined ? {} : { skip };
}

/** A directory for files of tests that must lie on a disk. */
export function makeWorkDirectory(name: string, parent: string = diskDirectory()): string {
  const path = realpathSync(mkdtempSync(join(parent, `shoal-e2e-${name}-`)));
  // Other users must be able to reach what is mounted below.
  chmodSync(path, 0o755);
  return path;
}

/** Runs `shoal` with `args`, as a user does. */
export async function runShoal(
  args: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  return runCommand([process.execPath, MAIN, ...args], options);
}

function diskDirectory(): string {
  return statfsSync(tmpdir()).type === TMPFS_MAGIC ? "/var/tmp" : tmpdir();
}

export async function runCommand(
  command: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: options.cwd ?? ROOT,
    env: options.env ?? process.env,
    timeout: COMMAND_PATIENCE_MS,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const { promise, resolve, reject } = Promise.withResolvers<CliResult>();
  child.on("error", reject);
  child.on("close", (code) => resolve({ code, stdout, stderr }));
  return promise;
}

/** Waits until `look` gives something; throws with `what` when it never does. */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  let lastMs = performance.now();
  for (let waitedMs = 0; waitedMs < PATIENCE_MS;) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(POLL_MS);
    const nowMs = performance.now();
    waitedMs += Math.min(nowMs - lastMs, LOOK_MS_MAX);
    lastMs = nowMs;
  }
  throw new Error(`waited in vain: ${what}`);
}

export class MountFixture implements AsyncDisposable {
  readonly base: string;
  readonly volumeRoot: string;
  readonly mountPoint: string;
  readonly stateDirectory: string;
  readonly #mountArgs: readonly string[];
  readonly #prefix: readonly string[];
  readonly #watchdog: ChildProcess;

  /** Makes the volume; nothing is mounted yet. */
  static async create(options: MountFixtureOptions): Promise<MountFixture> {
    const fixture = new MountFixture(options);
    const made = await runShoal(["create", ...(options.create ?? []), fixture.volumeRoot]);
    if (made.code !== 0) throw new Error(`shoal create failed: ${made.stderr}`);
    return fixture;
  }

  static async mounted(options: MountFixtureOptions): Promise<MountFixture> {
    const fixture = await MountFixture.create(options);
    await fixture.mount();
    return fixture;
  }

  private constructor(options: MountFixtureOptions) {
    this.base = makeWorkDirectory(options.name, options.parent);
    this.volumeRoot = join(this.base, "volume");
    this.mountPoint = join(this.base, "mnt");
    this.stateDirectory = join(this.base, "state");
    this.#mountArgs = options.mount ?? [];
    this.#prefix = options.prefix ?? [];
    mkdirSync(this.mountPoint);
    this.#watchdog = spawn("sh", ["-c", WATCHDOG, "sh", this.base], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    });
    // It must not keep this process from ending.
    this.#watchdog.unref();
    (this.#watchdog.stdin as Socket).unref();
    alive.add(this);
    watchForTheEnd();
  }

  get uuid(): string {
    const text = readFileSync(join(this.volumeRoot, "volume.json"), "utf8");
    return (JSON.parse(text) as { readonly uuid: string }).uuid;
  }

  get timeline(): string {
    const text = readFileSync(join(this.volumeRoot, "volume.json"), "utf8");
    return (JSON.parse(text) as { readonly timeline: string }).timeline;
  }

  /** Throws with what the command said when it fails. */
  async mount(args: readonly string[] = []): Promise<void> {
    demandSuccess(await this.tryMount(args));
  }

  async tryMount(args: readonly string[] = []): Promise<CliResult> {
    return runCommand([
      ...this.#prefix,
      process.execPath,
      MAIN,
      "mount",
      ...this.#mountArgs,
      ...args,
      "--state-dir",
      this.stateDirectory,
      this.volumeRoot,
      this.mountPoint,
    ]);
  }

  async umount(args: readonly string[] = []): Promise<void> {
    demandSuccess(await this.tryUmount(args));
  }

  async tryUmount(args: readonly string[] = []): Promise<CliResult> {
    return runShoal(["umount", ...args, this.mountPoint]);
  }

  async remount(): Promise<void> {
    await this.umount();
    await this.mount();
  }

  async fsck(): Promise<CliResult> {
    return runShoal(["fsck", this.volumeRoot]);
  }

  /** Throws with the report unless the volume is clean. */
  async demandClean(): Promise<void> {
    demandSuccess(await this.fsck());
  }

  /** A connection to the control socket of the mount; the caller disposes of it. */
  control(): Promise<ControlClient> {
    return ControlClient.connect(join(this.stateDirectory, "control.sock"));
  }

  async call(method: string, params: unknown = null): Promise<unknown> {
    using client = await this.control();
    return await client.call(method, { params });
  }

  async pids(): Promise<SupervisorStatus> {
    return (await this.call("status")) as SupervisorStatus;
  }

  /** Waits until a volume process serves, another one than `not`. */
  async serving(not?: number): Promise<SupervisorStatus> {
    return until("a volume process that serves", async () => {
      const status = await this.pids();
      const { state, volumePid } = status;
      return state === "serving" && volumePid !== undefined && volumePid !== not
        ? status
        : undefined;
    });
  }

  /** SIGKILL to the volume process; returns its pid. Does not wait for the next one. */
  async kill(): Promise<number> {
    const { volumePid } = await this.pids();
    if (volumePid === undefined) throw new Error("no volume process runs");
    process.kill(volumePid, "SIGKILL");
    return volumePid;
  }

  /** SIGKILL to the supervisor and all volume processes, as when the machine's memory is gone: leaves a dead mount. */
  killAll(): void {
    killAndWait(this.processes());
  }

  /** The supervisor, the volume process, the spare: whoever has a file of ours open that does not lie in the mount. */
  processes(): number[] {
    const isOurs = (path: string): boolean =>
      path.startsWith(`${this.base}/`) && !path.startsWith(`${this.mountPoint}/`);
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => pid !== process.pid && openPaths(pid).some(isOurs));
  }

  get isMounted(): boolean {
    return readMountTable().some((entry) => entry.directory === this.mountPoint);
  }

  get log(): string {
    return readFileSync(join(this.stateDirectory, "log", "shoal.log"), "utf8");
  }

  /** Until the mount is gone and all its processes have ended. */
  async ended(): Promise<void> {
    await until("the end of the mount", () =>
      !this.isMounted && this.processes().length === 0 ? true : undefined,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.remove();
    return Promise.resolve();
  }

  /** Synchronous, so that it works in an exit handler too. */
  remove(): void {
    alive.delete(this);
    this.killAll();
    while (this.isMounted) {
      const { status } = spawnSync("umount", ["-i", "-l", "--", this.mountPoint]);
      if (status !== 0) break;
    }
    this.#removeLink();
    rmSync(this.base, { recursive: true, force: true });
    this.#watchdog.kill("SIGKILL");
  }

  #removeLink(): void {
    if (!existsSync(join(this.volumeRoot, "volume.json"))) return;
    for (const name of existsSync(LINKS) ? readdirSync(LINKS) : []) {
      const link = join(LINKS, name);
      if (targetOf(link)?.startsWith(`${this.base}/`) === true) rmSync(link, { force: true });
    }
  }
}

export function demandSuccess(result: CliResult): void {
  if (result.code === 0) return;
  throw new Error(`exit code ${result.code}\n${result.stdout}${result.stderr}`);
}

function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}

/** Read as text: nothing is touched. */
function openPaths(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => targetOf(`/proc/${pid}/fd/${fd}`) ?? "");
  } catch {
    return [];
  }
}

function killAndWait(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  const deadline = performance.now() + PATIENCE_MS;
  while (pids.some(isRunning) && performance.now() < deadline) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  }
}

/** A zombie has closed everything: whoever reaps it may take their time. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat[stat.lastIndexOf(")") + 2] !== "Z";
  } catch {
    return false;
  }
}

function watchForTheEnd(): void {
  if (isWatching) return;
  isWatching = true;
  process.on("exit", () => {
    for (const fixture of alive) fixture.remove();
  });
  for (const [signal, number] of [
    ["SIGTERM", 15],
    ["SIGINT", 2],
    ["SIGHUP", 1],
  ] as const) {
    process.on(signal, () => process.exit(128 + number));
  }
}
