/** Runs a helper program to its end, with descriptors to inherit. */
import { spawn } from "node:child_process";
import { env } from "node:process";
import { FsError } from "../core/fs-error.ts";

/** What a helper says on stderr is kept up to this: enough for any message, bounded. */
const STDERR_SIZE_MAX = 8192;
const DEBIAN_PACKAGES: Readonly<Record<string, string>> = {
  fusermount3: "fuse3",
  mount: "mount",
  umount: "mount",
};

export interface ProgramOptions {
  /** Become descriptors 3, 4 … of the program. */
  readonly inherit?: readonly number[];
  /** Added to our own. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface ProgramResult {
  /** The exit code; -1 when a signal ended it. */
  readonly status: number;
  readonly stderr: string;
}

/** Throws ENOENT when the program is not installed, ECANCELED when the signal was aborted. Messages come in English. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "ignore", "pipe", ...(options.inherit ?? [])],
      env: { ...env, ...options.environment, LC_ALL: "C" },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    let stderr = "";
    child.stderr?.setEncoding("utf8");
    child.stderr?.on("data", (text: string) => {
      stderr = (stderr + text).slice(0, STDERR_SIZE_MAX);
    });
    child.on("error", (cause: NodeJS.ErrnoException) => {
      if (cause.name === "AbortError")
        reject(new FsError("ECANCELED", `${program} was given up`, { cause }));
      else if (cause.code === "ENOENT")
        reject(new FsError("ENOENT", notInstalled(program), { cause }));
      else reject(new FsError("EIO", `${program} cannot be run`, { cause }));
    });
    child.on("close", (code) => resolve({ status: code ?? -1, stderr }));
  });
}

function notInstalled(program: string): string {
  const debian = DEBIAN_PACKAGES[program];
  return `${program} is not installed${debian === undefined ? "" : `\nDebian: apt-get install ${debian}`}`;
}
