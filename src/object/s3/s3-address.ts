/**
 * The URL of a key or a bucket: path style (the bucket is in the path) or virtual style (it is in the host's name).
 *
 * Everything but the unreserved characters of RFC 3986 is escaped, so that what is signed is what is sent.
 * Source: Amazon S3 user guide, "Virtual hosting of general purpose buckets".
 */
import type { S3Request } from "./s3-client.ts";
import type { S3Settings } from "./s3-settings.ts";

export function addressOf(
  settings: S3Settings,
  request: Pick<S3Request, "key" | "query">,
): { readonly origin: URL; readonly host: string; readonly path: string } {
  const { endpoint, bucket, isPathStyle } = settings;
  const origin = new URL(endpoint);
  if (!isPathStyle) origin.hostname = `${bucket}.${endpoint.hostname}`;
  const base = endpoint.pathname.replace(/\/$/u, "");
  const bucketPath = isPathStyle ? `/${encodeText(bucket)}` : "";
  const key = (request.key ?? "").split("/").map(encodeText).join("/");
  const query = Object.entries(request.query ?? {})
    .map(([name, value]) => `${encodeText(name)}=${encodeText(value)}`)
    .join("&");
  const path = request.key === undefined ? base + bucketPath || "/" : `${base}${bucketPath}/${key}`;
  return { origin, host: origin.host, path: query === "" ? path : `${path}?${query}` };
}

function encodeText(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/gu,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
