/**
 * An ordinary user for tests that run as root: a mount namespace of its own in which everybody may open /dev/fuse, as on
 * a desktop, whatever the machine's own node allows; and commands that run in it as that user.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { MAIN, makeWorkDirectory, runCommand, until, type CliResult } from "./mount-fixture.ts";

/** Nobody else's, other tests that run now included: at the end all its processes are killed. */
export const OTHER_UID: number = 100_000 + process.pid;
/** Holds the namespace: the node, an account, and a fuse.conf that allows nothing are laid over what is there. */
const SCRIPT = `set -e
cp /etc/passwd "$1/passwd" && echo "other:x:${OTHER_UID}:${OTHER_UID}::$1/home:/bin/sh" >> "$1/passwd"
[ -n "$2" ] || mount --bind "$1/passwd" /etc/passwd
mknod "$1/fuse" c 10 229 && chmod 0666 "$1/fuse" && mount --bind "$1/fuse" /dev/fuse
if [ -e /etc/fuse.conf ]; then : > "$1/fuse.conf" && mount --bind "$1/fuse.conf" /etc/fuse.conf; fi
touch "$1/ready" && exec sleep 600`;
const PROGRAMS: readonly string[] = ["unshare", "nsenter", "setpriv", "fusermount3", "pkill"];

/** Why there can be none here, or undefined. */
export function reasonForNoOtherUser(): string | undefined {
  if (process.geteuid?.() !== 0) return "wants root, to become somebody else";
  if (!existsSync("/dev/fuse")) return "wants /dev/fuse";
  for (const name of PROGRAMS)
    if (spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0)
      return `${name} is not installed`;
  const refused = spawnSync("unshare", ["--mount", "true"], { encoding: "utf8" });
  return refused.status === 0 ? undefined : `unshare is refused: ${refused.stderr.trim()}`;
}

export class OtherUser implements AsyncDisposable {
  /** Theirs to write to. */
  readonly home: string;
  readonly #base: string;
  readonly #namespace: ChildProcess;

  private constructor(base: string, hasAccount: boolean) {
    this.#base = base;
    this.home = join(base, "home");
    mkdirSync(this.home);
    chownSync(this.home, OTHER_UID, OTHER_UID);
    chmodSync(this.home, 0o700);
    const args = ["--mount", "--propagation=private", "sh", "-c", SCRIPT, "sh", base];
    if (!hasAccount) args.push("without");
    this.#namespace = spawn("unshare", args, { stdio: ["ignore", "inherit", "inherit"] });
  }

  /** Without an account the user id is in no /etc/passwd, as in many a container. */
  static async create(options: { readonly hasAccount?: boolean } = {}): Promise<OtherUser> {
    const user = new OtherUser(makeWorkDirectory("other-user"), options.hasAccount !== false);
    const ready = join(user.#base, "ready");
    await until("the namespace", () => (existsSync(ready) ? true : undefined));
    return user;
  }

  /** Runs a program as the user. */
  run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> {
    const become = ["setpriv", `--reuid=${OTHER_UID}`, `--regid=${OTHER_UID}`, "--clear-groups"];
    const enter = ["nsenter", "--target", String(this.#namespace.pid), "--mount"];
    const variables = Object.entries({ HOME: this.home, ...env }).map(([k, v]) => `${k}=${v}`);
    const clean = ["env", "--unset=XDG_STATE_HOME", "--unset=XDG_DATA_HOME", ...variables];
    return runCommand([...enter, ...become, ...clean, ...command], { cwd: "/" });
  }

  shoal(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> {
    return this.run([process.execPath, MAIN, ...args], env);
  }

  /** Runs a program in the namespace as root. */
  asRoot(command: readonly string[]): Promise<CliResult> {
    return runCommand(["nsenter", "--target", String(this.#namespace.pid), "--mount", ...command], {
      cwd: "/",
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    // All at once, and whoever is gone already is no failure. What is still mounted goes with the last of the namespace.
    spawnSync("pkill", ["-KILL", "-U", String(OTHER_UID)]);
    this.#namespace.kill("SIGKILL");
    rmSync(this.#base, { recursive: true, force: true });
    return Promise.resolve();
  }
}
