/** What a mounted volume says of itself over the control socket: the supervisor's and the engine's word put together. */
import { readFileSync } from "node:fs";
import { FsError } from "../core/fs-error.ts";
import { ControlClient } from "./control-client.ts";
import { readMountConfig, type MountConfig } from "./mount-config.ts";
import type { KnownMount } from "./mount-registry.ts";
import type { StateDirectory } from "../volume/state-directory.ts";

/** What the engine's "state" method answers (engine/engine-server.ts). */
export interface EngineStateAnswer {
  readonly inodes: number;
  readonly bytes: number;
  readonly packs: number;
  readonly storedBytes: number;
  /** Of what is in packs, before compression: what files refer to, and all. */
  readonly liveBytes: number;
  readonly plainBytes: number;
  readonly dirtyBytes: number;
  readonly pendingBytes: number;
  readonly pendingPacks: number;
  readonly journalBytes: number;
  readonly journalLimit: number;
  readonly uncutOperations: number;
  readonly uncutAgeMs: number;
  readonly operations: number;
  readonly requests: number;
  readonly errors: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly flushes: number;
  readonly packedBytes: number;
  /** Requests sampled, by power of two of microseconds. */
  readonly latency: readonly number[];
  readonly hasRoom: boolean;
  readonly busyMs: number;
  readonly problem?: { readonly code: string; readonly message: string };
}

export interface SupervisorAnswer {
  readonly state: string;
  readonly supervisorPid: number;
  readonly volumePid?: number;
  readonly sparePid?: number;
  readonly upMs: number;
  readonly restarts: number;
  readonly crashLoop?: string;
}

export interface MountState {
  readonly config: MountConfig;
  readonly stateDirectory: StateDirectory;
  readonly supervisor: SupervisorAnswer;
  /** undefined while no volume process answers. */
  readonly engine: EngineStateAnswer | undefined;
  /** Of all processes, in bytes. */
  readonly residentSize: number;
}

/** Throws ETIMEDOUT when the signal is a time-out that passes before the mount has answered. */
export async function askState(mount: KnownMount, signal: AbortSignal): Promise<MountState> {
  try {
    return await ask(mount, signal);
  } catch (cause) {
    if (!(cause instanceof Error) || cause.name !== "TimeoutError") throw cause;
    throw new FsError(
      "ETIMEDOUT",
      `the mount on ${mount.mountPoint} does not answer: its processes are stopped, or wait for a disk`,
      { cause },
    );
  }
}

/** What is known of a mount that does not answer, or is dead. */
export function silentState(
  mount: KnownMount,
  state: "silent" | "dead",
  reason: string,
  nowMs: number,
): MountState {
  const { stateDirectory, holder } = mount;
  if (stateDirectory === undefined || holder === undefined) {
    throw new FsError("ENOTCONN", `nobody serves the mount on ${mount.mountPoint} any more`);
  }
  const { supervisor, volumeProcess, since } = holder;
  return {
    config: readMountConfig(stateDirectory.mountConfig),
    stateDirectory,
    supervisor: {
      state,
      supervisorPid: supervisor.pid,
      ...(volumeProcess === undefined ? {} : { volumePid: volumeProcess.pid }),
      upMs: Math.max(0, nowMs - Date.parse(since)),
      restarts: 0,
      crashLoop: reason,
    },
    engine: undefined,
    residentSize: residentSize(supervisor.pid) + residentSize(volumeProcess?.pid),
  };
}

async function ask(mount: KnownMount, signal: AbortSignal): Promise<MountState> {
  const { stateDirectory } = mount;
  if (stateDirectory === undefined || !mount.isServed) {
    throw new FsError("ENOTCONN", `nobody serves the mount on ${mount.mountPoint} any more`);
  }
  using client = await ControlClient.connect(stateDirectory.controlSocket);
  const supervisor = (await client.call("status", { signal })) as SupervisorAnswer;
  const engine =
    supervisor.state === "serving" || supervisor.state === "draining"
      ? ((await client.call("state", { signal })) as EngineStateAnswer)
      : undefined;
  const pids = [supervisor.supervisorPid, supervisor.volumePid, supervisor.sparePid];
  return {
    config: readMountConfig(stateDirectory.mountConfig),
    stateDirectory,
    supervisor,
    engine,
    residentSize: pids.reduce((sum: number, pid) => sum + residentSize(pid), 0),
  };
}

/**
 * The process's share of memory in bytes: pages it shares (the program itself, with its siblings) count by parts, so
 * that the sum over processes is what they take together. 0 for a process that is gone. Source: proc(5), smaps_rollup.
 */
export function residentSize(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const match = /^Pss:\s+(\d+) kB$/m.exec(rollup);
    return match === null ? 0 : Number(match[1]) * 1024;
  } catch {
    return 0;
  }
}
