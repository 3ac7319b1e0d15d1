/**
 * V8's compile cache inside the private copy: a start then neither strips types nor compiles again.
 * The cache is written when it is flushed or at an exit in order, which a killed process never reaches.
 */
import { existsSync } from "node:fs";
import { enableCompileCache, flushCompileCache } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Does nothing outside a private copy. */
export function enableProgramCache(): void {
  const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  const folder = join(root, "compile-cache");
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
