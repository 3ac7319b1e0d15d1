/**
 * From a volume's URL to its store: `s3://bucket/prefix`, `file:///directory`, or a plain path, which is taken from the
 * working directory.
 *
 * A bucket comes with what a network needs: slow reads are asked for again, failed calls repeated. Its driver is loaded
 * only when it is asked for.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { randomHex } from "../core/hex.ts";
import { Prng } from "../core/prng.ts";
import { FileObjectStore } from "./file-object-store.ts";
import type { ObjectStore } from "./object-store.ts";

const SUPPORTED = "supported are file:///directory and a plain path";
/** RFC 3986 section 3.1. "s3:bucket" counts too, so that a slip never makes a directory; a path may say "./s3:bucket". */
const SCHEME = /^([a-z][a-z0-9+.-]+):(?:\/\/|[^/]*$)/i;

export interface OpenObjectStoreOptions {
  readonly clock: Clock;
  /** Makes a missing directory (not those above it). False when left out: a volume that is missing stays missing. */
  readonly createRoot?: boolean;
  /** Where a bucket's endpoint, region and credentials are looked up: AWS_REGION and the like. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Throws EINVAL for a URL that is none or not supported; what opening the store throws, else. */
export async function openObjectStore(
  url: string,
  options: OpenObjectStoreOptions,
): Promise<ObjectStore> {
  if (schemeOf(url) === "s3") return openBucket(url, options);
  return FileObjectStore.open({ ...options, root: directoryOfUrl(url) });
}

/** The absolute path a URL or plain path stands for. */
export function directoryOfUrl(url: string): string {
  if (url === "") throw new FsError("EINVAL", `a volume's URL is empty; ${SUPPORTED}`);
  if (url.includes("\0")) throw new FsError("EINVAL", `a volume's URL holds a NUL; ${SUPPORTED}`);
  const scheme = schemeOf(url);
  if (scheme === undefined) return resolve(url);
  if (scheme === "s3") {
    throw new FsError(
      "EINVAL",
      `not supported yet: a volume in a bucket (s3://), because a volume's metadata is kept on this machine and not yet shipped to the bucket; ${SUPPORTED}`,
    );
  }
  if (scheme !== "file")
    throw new FsError("EINVAL", `not supported yet: ${scheme}://; ${SUPPORTED}`);
  return resolve(pathOfFileUrl(url));
}

async function openBucket(url: string, options: OpenObjectStoreOptions): Promise<ObjectStore> {
  const { clock, environment = {} } = options;
  const { openS3ObjectStore } = await import("./s3/open-s3-object-store.ts");
  const prng = new Prng(Number.parseInt(randomHex(4), 16));
  return openS3ObjectStore(url, { clock, prng, environment });
}

function schemeOf(url: string): string | undefined {
  return SCHEME.exec(url)?.[1]?.toLowerCase();
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
