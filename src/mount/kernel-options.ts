/**
 * The options of a mount that the kernel keeps, and what a list of them comes to.
 * Source: mount(8) "FILESYSTEM-INDEPENDENT MOUNT OPTIONS".
 */

/** By the group in which the later one counts. */
const KERNEL_GROUPS: readonly (readonly string[])[] = [
  ["dev", "nodev"],
  ["suid", "nosuid"],
  ["exec", "noexec"],
  ["relatime", "norelatime", "strictatime", "nostrictatime", "atime", "noatime"],
  ["diratime", "nodiratime"],
  ["lazytime", "nolazytime"],
  ["nosymfollow", "symfollow"],
];
/** What the kernel does when nothing is said: not handed on. */
const KERNEL_DEFAULTS: ReadonlySet<string> = new Set([
  "exec",
  "relatime",
  "norelatime",
  "nostrictatime",
  "atime",
  "diratime",
  "nolazytime",
  "symfollow",
]);

/** The options that exclude this one, itself among them; undefined for one that the kernel does not keep. */
export function kernelOptionGroup(option: string): readonly string[] | undefined {
  return KERNEL_GROUPS.find((names) => names.includes(option));
}

/** One a group at most, and none that says what the kernel does anyway; "nodev" and "nosuid" unless they are named. */
export function completeKernelOptions(named: readonly string[]): string[] {
  return KERNEL_GROUPS.map(
    (group) => named.findLast((option) => group.includes(option)) ?? defaultOf(group),
  ).filter((option): option is string => option !== undefined && !KERNEL_DEFAULTS.has(option));
}

/** FUSE mounts carry neither unless they are asked to. */
function defaultOf(group: readonly string[]): string | undefined {
  return group.find((option) => option === "nodev" || option === "nosuid");
}
