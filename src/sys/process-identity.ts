/**
 * Who a process is, so that a number that was given to another one since is not taken for it (rule C7).
 * Source: proc_pid_stat(5), field 22; machine-id(5); random(4) boot_id.
 */
import { readFileSync } from "node:fs";

/** A process and when it began, in clock ticks since the boot. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
}

/** `undefined` when there is no such process, or it is a zombie. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The command, field 2, may hold spaces and parentheses: the fields go on behind the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  const startTicks = Number(fields[19]);
  if (state === "Z" || state === "X" || !Number.isSafeInteger(startTicks)) return undefined;
  return { pid, startTicks };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startTicks === identity.startTicks;
}

/** Changes with every boot. Empty when /proc does not tell. */
export function bootId(): string {
  return readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
}

/** Stays with the installation. Empty when there is none. */
export function machineId(): string {
  const id = readText("/etc/machine-id") ?? readText("/var/lib/dbus/machine-id");
  return id?.trim() ?? "";
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
