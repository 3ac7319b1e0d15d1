/**
 * VOLUME and TARGET as people type them: a URL or a path.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { FsError } from "../core/fs-error.ts";
import { directoryOfUrl } from "../object/open-object-store.ts";
import type { Target } from "./actions.ts";
import { UsageError } from "./usage-error.ts";

/** The whole URL of a volume. Throws UsageError for a scheme that is not supported. */
export function parseVolume(text: string, workingDirectory: string): string {
  return pathToFileURL(parseDirectory(text, workingDirectory)).href;
}

/** A URL says which volume; a path may be a mount point or a volume's directory, which the action tells apart. */
export function parseTarget(text: string, workingDirectory: string): Target {
  if (/^[a-z][a-z0-9+.-]*:\/\//iu.test(text)) {
    return { kind: "url", url: parseVolume(text, workingDirectory) };
  }
  return { kind: "path", path: parsePath(text, workingDirectory, "the mount point") };
}

/** Absolute; `what` names the argument in the error. */
export function parsePath(text: string, workingDirectory: string, what: string): string {
  if (text === "") throw new UsageError(`${what} is empty`);
  if (text.includes("\0")) throw new UsageError(`${what} holds a NUL`);
  return resolve(workingDirectory, text);
}

function parseDirectory(text: string, workingDirectory: string): string {
  const isPath = /^[./]/u.test(text);
  if (isPath) return parsePath(text, workingDirectory, "the volume");
  try {
    const directory = directoryOfUrl(text);
    return /^file:/iu.test(text) ? directory : resolve(workingDirectory, text);
  } catch (error) {
    if (error instanceof FsError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
