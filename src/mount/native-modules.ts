/**
 * The native modules of the packages a mount uses. A bundle cannot hold them: they lie beside it in the private copy, under
 * the names here, and scripts/bundle.ts puts a loader of them in the place of the packages.
 */
import { createRequire } from "node:module";
import { basename } from "node:path";
import { FsError } from "../core/fs-error.ts";

/** Package to the file's name in the private copy. A module's own file begins with the package's name. */
export const NATIVE_MODULES: ReadonlyMap<string, string> = new Map([
  ["koffi", "koffi.node"],
  ["lz4-napi", "lz4-napi.node"],
]);

export interface NativeModule {
  /** In the private copy. */
  readonly name: string;
  /** Where it was installed. */
  readonly path: string;
}

/** Which file fits this machine each package decides itself: it is loaded, and then asked for what it loaded. */
export function findNativeModules(): NativeModule[] {
  const require = createRequire(import.meta.url);
  return [...NATIVE_MODULES].map(([module, name]) => {
    require(module);
    const path = Object.keys(require.cache).find(
      (file) => file.endsWith(".node") && basename(file).startsWith(module),
    );
    if (path === undefined) throw new FsError("ENOENT", `${module} has no native module`);
    return { name, path };
  });
}
