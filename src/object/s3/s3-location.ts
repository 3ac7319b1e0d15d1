/**
 * `s3://bucket/prefix`, taken literally: no escapes, as the tools of AWS read it. `s3:///prefix` and `s3://` take the
 * bucket from BUCKET_NAME, which `fly storage create` sets.
 */
import { FsError } from "../../core/fs-error.ts";
import { checkKey } from "../object-key.ts";

/** Also the old names of us-east-1, with capitals and underscores, and what other stores allow. */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/u;
/** Directory buckets of S3 Express: they list in no order and want sessions. */
const DIRECTORY_BUCKET_SUFFIX = "--x-s3";

export interface S3Location {
  readonly bucket: string;
  /** Without slashes at its ends; "" for the whole bucket. */
  readonly prefix: string;
}

/** Throws EINVAL, saying what is wrong; never repeats what may be a password. */
export function parseS3Url(url: string, bucketName: string | undefined): S3Location {
  const parts = /^s3:\/\/([^/]*)(?:\/(.*))?$/isu.exec(url);
  if (parts === null) throw new FsError("EINVAL", `write s3://bucket/prefix, not ${shown(url)}`);
  const [, written = "", path = ""] = parts;
  if (written.includes("@")) {
    throw new FsError(
      "EINVAL",
      "credentials do not belong in a URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    );
  }
  const bucket = written === "" ? (bucketName ?? "") : written;
  if (bucket === "") {
    throw new FsError("EINVAL", `${shown(url)} names no bucket, and BUCKET_NAME is not set`);
  }
  if (!BUCKET.test(bucket)) {
    throw new FsError("EINVAL", `${shown(bucket)} cannot be the name of a bucket`);
  }
  if (bucket.endsWith(DIRECTORY_BUCKET_SUFFIX)) {
    throw new FsError(
      "EINVAL",
      `${bucket} is a directory bucket (S3 Express): it does not list in order; use a general purpose bucket`,
    );
  }
  return { bucket, prefix: parsePrefix(path, url) };
}

export function s3Url(location: S3Location): string {
  return `s3://${location.bucket}${location.prefix === "" ? "" : `/${location.prefix}`}`;
}

function parsePrefix(path: string, url: string): string {
  const prefix = path.replace(/\/$/u, "");
  if (prefix === "") return "";
  if (/[?#]/u.test(prefix)) {
    throw new FsError("EINVAL", `${shown(url)}: a prefix with "?" or "#" is not supported`);
  }
  try {
    checkKey(prefix);
  } catch (cause) {
    throw new FsError("EINVAL", `${shown(url)}: the prefix ${(cause as Error).message}`, { cause });
  }
  return prefix;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
