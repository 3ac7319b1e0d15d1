/**
 * What is mounted where, as this process sees it.
 * Source: proc_pid_mountinfo(5): id parent major:minor root mount-point options tags - type source super-options, with blanks,
 * tabs, newlines and backslashes of names as \ooo in octal.
 */
import { readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { FsError } from "../core/fs-error.ts";

export interface MountEntry {
  readonly id: number;
  /** Of the device number; the name of a FUSE connection under /sys/fs/fuse/connections is the minor (major is 0). */
  readonly major: number;
  readonly minor: number;
  readonly directory: string;
  /** Of this mount: rw, nosuid, relatime … */
  readonly options: string;
  /** For instance fuse.shoal. */
  readonly type: string;
  readonly source: string;
  /** Of the file system: user_id=0, default_permissions … */
  readonly superOptions: string;
}

/** All mounts, oldest first. Throws EIO at a line that is none. */
export function readMountTable(): MountEntry[] {
  return parseMountTable(readFileSync("/proc/self/mountinfo", "utf8"));
}

export function parseMountTable(text: string): MountEntry[] {
  const lines = text.split("\n");
  return lines.filter((line) => line !== "").map(parseMountLine);
}

/** The topmost mount whose root is exactly `directory` (absolute, links resolved); undefined when nothing is mounted there. */
export function findMount(
  directory: string,
  table: readonly MountEntry[] = readMountTable(),
): MountEntry | undefined {
  return table.findLast((entry) => entry.directory === directory);
}

/** True when the server of the mount at `directory` is gone: everything there says ENOTCONN. May wait for a server that hangs. */
export async function isDeadMount(directory: string): Promise<boolean> {
  try {
    await stat(directory);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOTCONN";
  }
}

function parseMountLine(line: string): MountEntry {
  const fields = line.split(" ");
  const dash = fields.indexOf("-", 6);
  const device = /^(\d+):(\d+)$/.exec(fields[2] ?? "");
  const [type, source, superOptions] = dash < 0 ? [] : fields.slice(dash + 1);
  if (device === null || type === undefined || source === undefined)
    throw new FsError("EIO", `/proc/self/mountinfo has a line that is no mount: ${line}`);
  return {
    id: Number(fields[0]),
    major: Number(device[1]),
    minor: Number(device[2]),
    directory: unescapeOctal(fields[4] ?? ""),
    options: fields[5] ?? "",
    type,
    source: unescapeOctal(source),
    superOptions: superOptions ?? "",
  };
}

/** The octal escapes are bytes; what is left is UTF-8 as any path is. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
