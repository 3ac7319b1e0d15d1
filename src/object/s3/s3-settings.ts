/**
 * Where a bucket is and how it is addressed, from what users of AWS, Fly and other stores have set already.
 *
 * Read, first found first: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, `endpoint_url` of the profile's `services` and of the
 * profile; AWS_REGION, AWS_DEFAULT_REGION, `region` of the profile, us-east-1. SHOAL_S3_ADDRESSING_STYLE and the
 * profile's `s3.addressing_style` say path, virtual or auto. The shared files are read only for what the environment
 * leaves open, and only when there are any.
 * Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints"; AWS CLI, "s3 configuration".
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { FsError } from "../../core/fs-error.ts";
import { parseS3Url, type S3Location } from "./s3-location.ts";

/** What the environment of the process holds, or a part of it. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface S3Settings extends S3Location {
  /** Scheme, host, port and perhaps a path; the bucket is not in it. */
  readonly endpoint: URL;
  readonly region: string;
  /** The endpoint is that of AWS for the region, and changes with it. */
  readonly isAws: boolean;
  /** The bucket is the first segment of the path, not a part of the host. */
  readonly isPathStyle: boolean;
}

type Profile = Readonly<Record<string, string | undefined>>;

const REGION_DEFAULT = "us-east-1";
const REGION = /^[a-z0-9-]{1,40}$/iu;
/** A label of a host name, so that a wildcard certificate covers it: no dots. */
const DNS_BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/u;
/** Tigris takes new buckets by host only. */
const TIGRIS_HOST = /(?:^|\.)(?:tigris\.dev|storage\.dev|tigrisfiles\.io)$/u;

/** Throws EINVAL for a URL or a setting that cannot be. */
export async function resolveS3Settings(
  url: string,
  environment: Environment,
): Promise<S3Settings> {
  const location = parseS3Url(url, setting(environment, "BUCKET_NAME"));
  const given = {
    endpoint:
      setting(environment, "AWS_ENDPOINT_URL_S3") ?? setting(environment, "AWS_ENDPOINT_URL"),
    region: setting(environment, "AWS_REGION") ?? setting(environment, "AWS_DEFAULT_REGION"),
    style: setting(environment, "SHOAL_S3_ADDRESSING_STYLE"),
  };
  const isOpen = given.endpoint === undefined || given.region === undefined;
  const profile = isOpen ? await readProfile(environment) : {};
  const ignoresEndpoints =
    setting(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?.toLowerCase() === "true";
  const endpointText = ignoresEndpoints ? undefined : (given.endpoint ?? profile["endpoint_url"]);
  const region = given.region ?? profile["region"] ?? REGION_DEFAULT;
  if (!REGION.test(region)) {
    throw new FsError("EINVAL", `${JSON.stringify(region)} cannot be a region: set AWS_REGION`);
  }
  const isAws = endpointText === undefined;
  const endpoint = isAws ? awsEndpoint(region) : parseEndpoint(endpointText);
  const style = given.style ?? profile["s3.addressing_style"] ?? "auto";
  const isPathStyle = choosesPath({ style, bucket: location.bucket, isAws, endpoint });
  return { ...location, endpoint, region, isAws, isPathStyle };
}

/** The same bucket in another region of AWS. */
export function inRegion(settings: S3Settings, region: string): S3Settings {
  return { ...settings, region, ...(settings.isAws ? { endpoint: awsEndpoint(region) } : {}) };
}

/** Stores with regional caches that must be asked for what is newest (rule S2). */
export function needsConsistentHeader(settings: S3Settings): boolean {
  return TIGRIS_HOST.test(settings.endpoint.hostname);
}

/** An empty variable counts as none, as with the tools of AWS. */
export function setting(environment: Environment, name: string): string | undefined {
  const value = environment[name]?.trim();
  return value === "" ? undefined : value;
}

function awsEndpoint(region: string): URL {
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return new URL(`https://s3.${region}.${domain}`);
}

function parseEndpoint(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new FsError(
      "EINVAL",
      `the endpoint is no URL: write https://host (AWS_ENDPOINT_URL_S3)`,
      {
        cause,
      },
    );
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new FsError(
      "EINVAL",
      `the endpoint of ${url.host} must hold no user, password, "?" or "#" (AWS_ENDPOINT_URL_S3)`,
    );
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new FsError(
      "EINVAL",
      `the endpoint ${text.slice(0, 200)} begins neither with https:// nor http:// (AWS_ENDPOINT_URL_S3)`,
    );
  }
  return url;
}

function choosesPath(choice: {
  readonly style: string;
  readonly bucket: string;
  readonly isAws: boolean;
  readonly endpoint: URL;
}): boolean {
  const isAddress = /^(?:[\d.]+|\[.*\])$/u.test(choice.endpoint.hostname);
  const isDns = DNS_BUCKET.test(choice.bucket) && !isAddress;
  switch (choice.style.toLowerCase()) {
    case "path":
      return true;
    case "virtual":
      if (isDns) return false;
      throw new FsError(
        "EINVAL",
        `${choice.bucket} cannot be put before ${choice.endpoint.hostname} as a host name: set SHOAL_S3_ADDRESSING_STYLE=path`,
      );
    case "auto":
      return !isDns || !(choice.isAws || TIGRIS_HOST.test(choice.endpoint.hostname));
    default:
      throw new FsError(
        "EINVAL",
        `SHOAL_S3_ADDRESSING_STYLE is ${JSON.stringify(choice.style.slice(0, 40))}; it may be path, virtual or auto`,
      );
  }
}

/** The profile's settings that are used here; none when there are no shared files. */
async function readProfile(environment: Environment): Promise<Profile> {
  const home = setting(environment, "HOME") ?? homedir();
  const configPath = setting(environment, "AWS_CONFIG_FILE") ?? join(home, ".aws", "config");
  const credentialsPath =
    setting(environment, "AWS_SHARED_CREDENTIALS_FILE") ?? join(home, ".aws", "credentials");
  if (!existsSync(configPath) && !existsSync(credentialsPath)) return {};
  const { loadSharedConfigFiles } = await import("@smithy/core/config");
  const files = await loadSharedConfigFiles({
    configFilepath: configPath,
    filepath: credentialsPath,
  });
  const name = setting(environment, "AWS_PROFILE") ?? "default";
  const profile: Profile = { ...files.credentialsFile[name], ...files.configFile[name] };
  const services = files.configFile[`services.${profile["services"] ?? ""}`];
  const endpoint = services?.["s3.endpoint_url"] ?? profile["endpoint_url"];
  return { ...profile, endpoint_url: endpoint };
}
