/**
 * Adds to package-lock.json the platform packages that the registry at hand did not offer.
 *
 * Several tools come as one optional package a platform, named by exact version. A registry mirror that lacks some of
 * them makes npm leave them out of the lock, and `npm ci` then refuses the whole lock as out of step, on every machine.
 * This fills the gaps from what the lock itself says: name and version from the parent's optionalDependencies, os, cpu
 * and libc from the name, as napi-rs spells them. The entries carry no integrity; npm never fetches them on a platform
 * this project runs on (linux x64 and arm64 with glibc), and the script refuses to write an entry for one of those.
 *
 * Run it after every change of a dependency: `npm install --package-lock-only && node scripts/complete-lock.ts`.
 */
import { readFileSync, writeFileSync } from "node:fs";

const LOCK = new URL("../package-lock.json", import.meta.url);

interface LockEntry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

interface Lock {
  packages: Record<string, LockEntry>;
}

interface Platform {
  readonly os: string;
  readonly cpu: string;
  readonly libc: string | undefined;
}

const SYSTEMS: readonly string[] = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const PROCESSORS: readonly string[] = [
  "arm",
  "arm64",
  "ia32",
  "loong64",
  "ppc64",
  "riscv64",
  "s390x",
  "wasm32",
  "x64",
];

/** The platform a package's name ends in: `…-linux-ppc64-gnu`, `…-darwin-arm64`. */
function platformOf(name: string): Platform {
  const words = name.split(/[-/]/u);
  const at = words.findIndex((word) => SYSTEMS.includes(word));
  const os = words[at];
  const cpu = words[at + 1];
  if (os === undefined || cpu === undefined || !PROCESSORS.includes(cpu)) {
    throw new Error(`${name} is missing from the lock, and its name tells no platform`);
  }
  const abi = words[at + 2] ?? "";
  const libc = os !== "linux" ? undefined : abi.startsWith("musl") ? "musl" : "glibc";
  if (os === "linux" && libc === "glibc" && (cpu === "x64" || cpu === "arm64")) {
    throw new Error(`${name} is missing from the lock, and this project needs it`);
  }
  return { os, cpu, libc };
}

/** Where in the lock `name` is found from `path`, as Node looks it up: own node_modules first, then outwards. */
function isLocked(lock: Lock, path: string, name: string): boolean {
  for (
    let base = path;
    ;
    base = base.slice(0, Math.max(0, base.lastIndexOf("node_modules/") - 1))
  ) {
    const key = base === "" ? `node_modules/${name}` : `${base}/node_modules/${name}`;
    if (lock.packages[key]?.version !== undefined) return true;
    if (base === "" || !base.includes("node_modules/"))
      return base !== "" && isLocked(lock, "", name);
  }
}

function complete(lock: Lock): string[] {
  const added: string[] = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(lock, path, name)) continue;
      const { os, cpu, libc } = platformOf(name);
      const parent = path.slice(0, path.lastIndexOf("node_modules/"));
      lock.packages[`${parent}node_modules/${name}`] = {
        version,
        cpu: [cpu],
        ...(entry.dev === undefined ? {} : { dev: entry.dev }),
        ...(libc === undefined ? {} : { libc: [libc] }),
        optional: true,
        os: [os],
      };
      added.push(`${name}@${version}`);
    }
  }
  return added;
}

const lock = JSON.parse(readFileSync(LOCK, "utf8")) as Lock;
const added = complete(lock);
const [root, ...others] = Object.entries(lock.packages);
lock.packages = Object.fromEntries([
  root!,
  ...others.toSorted(([left], [right]) => (left < right ? -1 : 1)),
]);
writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
for (const line of added) console.log(`added ${line}`);
