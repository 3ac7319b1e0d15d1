/**
 * Starting a mount: in the background, detached from the terminal, or in the place of the process that asks.
 *
 * What always holds: `startInBackground` resolves only once the mount has answered a statfs, and rejects with the
 * supervisor's own error; after either the two share nothing. A mount in the background leads its own session, has no
 * terminal, `/` as its directory, and the log for its output.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { asControlError, fromControlError, type ControlError } from "./control-message.ts";
import { openLogFile } from "./log-file.ts";
import { answerOf } from "./mount-registry.ts";

/** How a supervisor exits. */
export const SupervisorExit = {
  OK: 0,
  FAILED: 1,
  /** Unmounted, but some of what was acknowledged is only in the journal. */
  NOT_DRAINED: 3,
} as const;

/** A mount that serves answers its first statfs within milliseconds. */
const FIRST_ANSWER_WAIT_MS = 30_000;
/** The running executable, whatever has become of its path. */
const EXECUTABLE = "/proc/self/exe";

export type StarterMessage =
  | {
      readonly type: "ready";
      readonly pid: number;
      readonly details: Readonly<Record<string, unknown>>;
    }
  | { readonly type: "failed"; readonly error: ControlError };

export interface BackgroundOptions {
  /** supervisor-main of the private copy. */
  readonly entry: string;
  readonly configPath: string;
  readonly logPath: string;
  readonly mountPoint: string;
  readonly clock: Clock;
  /** Gives the start up: the supervisor unmounts and ends. */
  readonly signal?: AbortSignal;
}

export interface StartedMount {
  /** The supervisor's. */
  readonly pid: number;
  /** What recovery found. */
  readonly details: Readonly<Record<string, unknown>>;
}

export async function startInBackground(options: BackgroundOptions): Promise<StartedMount> {
  const logFd = openLogFile(options.logPath);
  let child: ChildProcess;
  try {
    child = spawn(EXECUTABLE, [options.entry, options.configPath], {
      detached: true,
      cwd: "/",
      stdio: ["ignore", logFd, logFd, "ipc"],
    });
  } finally {
    closeSync(logFd);
  }
  const onAbort = (): void => void child.kill("SIGTERM");
  options.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const started = await waitForStart(child, options.logPath);
    const answer = await answerOf(options.mountPoint, options.clock, FIRST_ANSWER_WAIT_MS);
    if (answer !== "ok")
      throw new FsError(
        "EIO",
        `the mount on ${options.mountPoint} does not answer (${answer}); see ${options.logPath}`,
      );
    return started;
  } finally {
    options.signal?.removeEventListener("abort", onAbort);
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** Replaces this process by the supervisor: same pid, same terminal. Does not return. */
export function continueInForeground(entry: string, configPath: string): never {
  if (process.execve === undefined)
    throw new FsError("EOPNOTSUPP", "this Node.js cannot replace its own process");
  process.execve(EXECUTABLE, [process.execPath, entry, configPath]);
  throw new FsError("EIO", `${EXECUTABLE} could not be executed`);
}

/** Used by the supervisor; does nothing when nobody waits. Resolves when it has left. */
export function tellStarter(message: StarterMessage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (process.send === undefined || !process.connected) return Promise.resolve();
  process.send(message, undefined, undefined, () => {
    // Nothing else comes over it, and it would keep the starter waiting.
    if (message.type === "ready" && process.connected) process.disconnect?.();
    resolve();
  });
  return promise;
}

function waitForStart(child: ChildProcess, logPath: string): Promise<StartedMount> {
  const { promise, resolve, reject } = Promise.withResolvers<StartedMount>();
  child.on("message", (message: unknown) => {
    const { type, pid, details, error } = message as Partial<
      Record<"type" | "pid" | "details" | "error", unknown>
    >;
    if (type === "ready")
      resolve({ pid: pid as number, details: details as Readonly<Record<string, unknown>> });
    else if (type === "failed") reject(fromControlError(asControlError(error)));
  });
  child.on("error", (error) => {
    reject(new FsError("EIO", `the supervisor cannot be started: ${error.message}`));
  });
  child.on("close", (code, signal) => {
    reject(
      new FsError(
        "EIO",
        `the supervisor ended at once (${signal ?? `code ${code}`}); see ${logPath}`,
      ),
    );
  });
  return promise;
}
