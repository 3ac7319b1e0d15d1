/** The version of this program, as package.json has it. The path is the same from src/cli and from dist/cli. */
import { readFileSync } from "node:fs";
import { release } from "node:os";

export function programVersion(): string {
  const manifest = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  ) as { readonly version: string };
  return manifest.version;
}

/** "shoal 1.2.3 (Node.js v26.10.0, linux 6.12.0 x64)". */
export function versionLine(): string {
  return `shoal ${programVersion()} (Node.js ${process.version}, ${process.platform} ${release()} ${process.arch})`;
}
