/**
 * `-o` of mount(8): the comma-separated list that people write in /etc/fstab and after `-o`.
 *
 * What always holds: an option is obeyed, ignored because it speaks to mount(8) or systemd and not to a filesystem, or
 * refused by name; none is dropped in silence. Of two that contradict each other the later one counts.
 * Source: mount(8) "FILESYSTEM-INDEPENDENT MOUNT OPTIONS", fstab(5), systemd.mount(5), mount.fuse3(8).
 */
import { completeKernelOptions, kernelOptionGroup } from "../mount/kernel-options.ts";
import type { Durability, MountSettings } from "./actions.ts";
import { parseByteSize, parseMemorySize } from "./byte-size.ts";
import { UsageError } from "./usage-error.ts";

/** They speak to mount(8), to systemd or to nobody, or ask for what is always so. */
const IGNORED: ReadonlySet<string> = new Set([
  "_netdev",
  "async",
  "auto",
  "default_permissions",
  "defaults",
  "group",
  "loud",
  "noauto",
  "nofail",
  "noowner",
  "nouser",
  "nousers",
  "owner",
  "silent",
  "user",
  "users",
]);
const IGNORED_PREFIX = /^(?:x-|X-|comment=|user=|uhelper=)/u;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Values of settings that were named; what was not is absent. */
export type MountChanges = Partial<Mutable<MountSettings>>;

export interface ParsedMountOptions {
  readonly isRemount: boolean;
  readonly changes: MountChanges;
}

/** Our own options with a value, by their name with hyphens; "cache_size" is the same as "cache-size". */
const VALUED: Readonly<Record<string, (changes: MountChanges, value: string) => void>> = {
  "cache-size": (changes, value) => (changes.cacheSize = parseByteSize(value, "cache-size")),
  memory: (changes, value) => (changes.memorySize = parseMemorySize(value, "memory")),
  durability: (changes, value) => (changes.durability = parseDurability(value)),
  "state-dir": (changes, value) => (changes.stateDirectory = parseStateDirectory(value)),
  metrics: (changes, value) => (changes.metricsPort = parsePort(value)),
};

const FLAGS: Readonly<Record<string, (changes: MountChanges) => void>> = {
  ro: (changes) => (changes.readOnly = true),
  rw: (changes) => (changes.readOnly = false),
  "allow-other": (changes) => (changes.allowOther = true),
  acl: (changes) => (changes.acl = true),
  noacl: (changes) => (changes.acl = false),
  writeback: (changes) => (changes.writeback = true),
};

/**
 * `isSloppy` (`-s` of mount(8)) takes options that nobody knows; they are given to `onUnknown`. Otherwise throws
 * UsageError naming the first.
 */
export function parseMountOptions(
  lists: readonly string[],
  onUnknown?: (option: string) => void,
): ParsedMountOptions {
  const changes: MountChanges = {};
  const kernel = new Map<readonly string[], string>();
  let isRemount = false;
  for (const option of lists.flatMap((list) => list.split(",")).filter((text) => text !== "")) {
    const group = kernelOptionGroup(option);
    if (group !== undefined) kernel.set(group, option);
    else if (option === "remount") isRemount = true;
    else if (!applyOwn(changes, option) && !isIgnored(option)) refuse(option, onUnknown);
  }
  if (kernel.size > 0) changes.kernelOptions = [...kernel.values()];
  return { isRemount, changes };
}

/** The whole settings: what was named over the defaults. Later arguments count more. */
export function completeSettings(...layers: readonly MountChanges[]): MountSettings {
  return {
    readOnly: false,
    allowOther: false,
    acl: false,
    writeback: false,
    durability: undefined,
    cacheSize: undefined,
    memorySize: undefined,
    stateDirectory: undefined,
    metricsPort: undefined,
    ...Object.assign({}, ...layers),
    kernelOptions: completeKernelOptions(layers.flatMap((layer) => layer.kernelOptions ?? [])),
  };
}

/** Throws UsageError for anything but a level that a mount can have. */
export function parseDurability(text: string): Durability {
  if (text === "memory" || text === "disk") return text;
  if (text === "bucket") {
    throw new UsageError("durability: the level bucket is not there yet\nChoose memory or disk");
  }
  throw new UsageError(`durability: ${JSON.stringify(text)} is no level\nChoose memory or disk`);
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/u.test(text) && port >= 1 && port <= 65_535) return port;
  throw new UsageError(`metrics: ${JSON.stringify(text)} is no port\nChoose one from 1 to 65535`);
}

function applyOwn(changes: MountChanges, option: string): boolean {
  const equals = option.indexOf("=");
  const name = (equals < 0 ? option : option.slice(0, equals)).replaceAll("_", "-");
  if (equals < 0) {
    if (Object.hasOwn(VALUED, name)) throw new UsageError(`-o ${option} needs a value: ${name}=…`);
    if (!Object.hasOwn(FLAGS, name)) return false;
    FLAGS[name]!(changes);
    return true;
  }
  if (Object.hasOwn(FLAGS, name)) throw new UsageError(`-o ${option}: ${name} takes no value`);
  if (!Object.hasOwn(VALUED, name)) return false;
  VALUED[name]!(changes, option.slice(equals + 1));
  return true;
}

function isIgnored(option: string): boolean {
  return IGNORED.has(option) || IGNORED_PREFIX.test(option);
}

function refuse(option: string, onUnknown: ((option: string) => void) | undefined): void {
  if (onUnknown === undefined) {
    throw new UsageError(
      `mount option not known: ${option}\nAn option that starts with x- is left to other programs; \`shoal mount --help\` lists ours`,
    );
  }
  onUnknown(option);
}

/** A list of options knows no working directory. */
function parseStateDirectory(text: string): string {
  if (text.startsWith("/")) return text;
  throw new UsageError(`state-dir: ${JSON.stringify(text)} is no absolute path`);
}
