/**
 * From a volume's URL to its store: `file:///directory`, or a plain path, which is taken from the working directory.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { FileObjectStore } from "./file-object-store.ts";
import type { ObjectStore } from "./object-store.ts";

const SUPPORTED = "supported are file:///directory and a plain path";
/** RFC 3986 section 3.1. "s3:bucket" counts too, so that a slip never makes a directory; a path may say "./s3:bucket". */
const SCHEME = /^([a-z][a-z0-9+.-]+):(?:\/\/|[^/]*$)/i;

export interface OpenObjectStoreOptions {
  readonly clock: Clock;
  /** Makes a missing directory (not those above it). False when left out: a volume that is missing stays missing. */
  readonly createRoot?: boolean;
}

/** Throws EINVAL for a URL that is none or not supported; what opening the store throws, else. */
export async function openObjectStore(
  url: string,
  options: OpenObjectStoreOptions,
): Promise<ObjectStore> {
  return FileObjectStore.open({ ...options, root: directoryOfUrl(url) });
}

/** The absolute path a URL or plain path stands for. */
export function directoryOfUrl(url: string): string {
  if (url === "") throw new FsError("EINVAL", `a volume's URL is empty; ${SUPPORTED}`);
  if (url.includes("\0")) throw new FsError("EINVAL", `a volume's URL holds a NUL; ${SUPPORTED}`);
  const scheme = SCHEME.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) return resolve(url);
  if (scheme !== "file")
    throw new FsError("EINVAL", `not supported yet: ${scheme}://; ${SUPPORTED}`);
  return resolve(pathOfFileUrl(url));
}

function pathOfFileUrl(url: string): string {
  let parsed: URL;
  let path: string;
  try {
    parsed = new URL(url);
    path = fileURLToPath(parsed);
  } catch (cause) {
    throw new FsError("EINVAL", `${url} is no URL of a local directory; ${SUPPORTED}`, { cause });
  }
  if (parsed.search !== "" || parsed.hash !== "" || !url.toLowerCase().startsWith("file:///")) {
    throw new FsError(
      "EINVAL",
      `${url} must be file:/// and an absolute path; write "?" as %3F and "#" as %23`,
    );
  }
  return path;
}
