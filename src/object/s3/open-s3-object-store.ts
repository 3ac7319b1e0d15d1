/** The store of an s3:// URL as the environment describes it, with retries around hedged reads around the driver. */
import { readFile } from "node:fs/promises";
import type { Clock } from "../../core/clock.ts";
import type { Prng } from "../../core/prng.ts";
import { wrapSystemError } from "../../core/system-error.ts";
import { HedgedObjectStore } from "../hedged-object-store.ts";
import type { ObjectStore } from "../object-store.ts";
import { RetryingObjectStore } from "../retrying-object-store.ts";
import { S3ObjectStore } from "../s3-object-store.ts";
import { credentialsOf } from "./s3-credentials.ts";
import { resolveS3Settings, setting, type Environment } from "./s3-settings.ts";

/** Throws EINVAL for what the URL or the environment say wrong. Asks the store nothing yet. */
export async function openS3ObjectStore(
  url: string,
  options: { readonly clock: Clock; readonly prng: Prng; readonly environment: Environment },
): Promise<ObjectStore> {
  const { clock, prng, environment } = options;
  const settings = await resolveS3Settings(url, environment);
  const driver = new S3ObjectStore({
    settings,
    credentials: credentialsOf(environment),
    clock,
    ca: await certificates(environment),
  });
  return new RetryingObjectStore(new HedgedObjectStore(driver, { clock }), { clock, prng });
}

/** AWS_CA_BUNDLE, as the tools of AWS have it. */
async function certificates(environment: Environment): Promise<string | undefined> {
  const path = setting(environment, "AWS_CA_BUNDLE");
  if (path === undefined) return undefined;
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw wrapSystemError(error, `cannot read the certificates of AWS_CA_BUNDLE, ${path}`);
  }
}
