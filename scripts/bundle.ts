/**
 * Bundles what a mount runs (DESIGN: a private copy of the program) into one folder, flat:
 *
 *   node scripts/bundle.ts FOLDER [ENTRY...]
 *
 * One file for each process and thread, named as its entry, so that `new URL("./engine-thread.js", import.meta.url)` finds
 * it beside; a start then reads one file instead of a hundred. CommonJS, for it loads in two thirds of the time of ES modules
 * (a volume process starts five threads). Not minified: a stack
 * in the log has the names and the lines of code that a reader of the sources knows.
 *
 * What always holds: entries that pass objects to each other by more than messages (volume-main and the engine module it
 * loads, further ENTRYs of a test) are of one build, so that classes are the same on both sides. Native modules are left out; the
 * private copy puts them beside under the names of src/mount/native-modules.ts.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { rolldown, type Plugin } from "rolldown";
import { NATIVE_MODULES } from "../src/mount/native-modules.ts";
import { ROOT } from "./tool.ts";

/** With what is not of one build with them. */
const SINGLE_ENTRIES: readonly string[] = [
  "src/mount/supervisor-main.ts",
  "src/mount/thread-main.ts",
  "src/mount/engine/engine-thread.ts",
  "src/mount/engine/flush-thread.ts",
  "src/volume/pack-thread.ts",
  "src/fuse/notifier-worker.ts",
  "src/mount/fsck/fsck-thread.ts",
];
const VOLUME_ENTRIES: readonly string[] = [
  "src/mount/volume-main.ts",
  "src/mount/engine/volume-engine.ts",
];

/** `extra` are entries of one build with the volume process. What `folder` held before is gone. */
export async function bundleProgram(folder: string, extra: readonly string[] = []): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const builds = [[...VOLUME_ENTRIES, ...extra], ...SINGLE_ENTRIES.map((entry) => [entry])];
  await Promise.all(builds.map((entries) => build(folder, entries)));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ type: "commonjs" })}\n`);
}

async function build(folder: string, entries: readonly string[]): Promise<void> {
  const name = nameOf(entries[0]!);
  await using bundle = await rolldown({
    input: Object.fromEntries(entries.map((entry) => [nameOf(entry), resolve(ROOT, entry)])),
    cwd: ROOT,
    platform: "node",
    plugins: [nativeModules()],
  });
  await bundle.write({
    dir: folder,
    format: "cjs",
    entryFileNames: "[name].js",
    chunkFileNames: `${name}-[name].js`,
  });
}

/**
 * In place of the packages' own search for the native module that fits. A name is looked up when it is used, for loading
 * a module that a restart does not need would be part of a client's pause.
 */
function nativeModules(): Plugin {
  const prefix = "\0native:";
  const loaderOf = (file: string): string =>
    `import { createRequire } from "node:module";
     let native;
     module.exports = new Proxy({}, {
       get: (_, name) => (native ??= createRequire(import.meta.url)(${JSON.stringify(`./${file}`)}))[name],
     });`;
  return {
    name: "native-modules",
    resolveId: (id) => (NATIVE_MODULES.has(id) ? `${prefix}${id}` : undefined),
    load: (id) => {
      const file = NATIVE_MODULES.get(id.slice(prefix.length));
      return id.startsWith(prefix) && file !== undefined ? loaderOf(file) : undefined;
    },
  };
}

function nameOf(entry: string): string {
  return basename(entry, ".ts");
}

if (import.meta.main) {
  const [folder, ...extra] = process.argv.slice(2);
  if (folder === undefined) throw new Error("usage: bundle.ts FOLDER [ENTRY...]");
  await bundleProgram(resolve(folder), extra);
}
