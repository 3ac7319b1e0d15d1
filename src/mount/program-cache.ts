/**
 * V8's compile cache inside the private copy: a start then does not compile again what an earlier one did.
 * The cache is written when it is flushed or at an exit in order, which a killed process never reaches.
 */
import { existsSync } from "node:fs";
import { enableCompileCache, flushCompileCache } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the modules of the private copy lie, all in one folder. */
export const PROGRAM_FOLDER: string = dirname(fileURLToPath(import.meta.url));
export const COMPILE_CACHE_NAME = "compile-cache";

/** Does nothing outside a private copy. */
export function enableProgramCache(): void {
  const folder = join(PROGRAM_FOLDER, COMPILE_CACHE_NAME);
  if (existsSync(folder)) enableCompileCache(folder);
}

export function flushProgramCache(): void {
  flushCompileCache();
}

/** See thread-main.ts. */
export const THREAD_MAIN_URL: URL = new URL(
  import.meta.url.endsWith(".ts") ? "./thread-main.ts" : "./thread-main.js",
  import.meta.url,
);
