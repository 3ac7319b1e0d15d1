import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  inRegion,
  needsConsistentHeader,
  resolveS3Settings,
  type Environment,
  type S3Settings,
} from "./s3-settings.ts";

/** No shared files. */
const NOBODY = { HOME: "/nonexistent" };

async function resolved(environment: Environment, url = "s3://bucket/p"): Promise<S3Settings> {
  return resolveS3Settings(url, { ...NOBODY, ...environment });
}

async function withProfiles(
  config: string,
  use: (environment: Environment) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "aws-"));
  try {
    const path = join(directory, "config");
    await writeFile(path, config);
    await use({ HOME: directory, AWS_CONFIG_FILE: path });
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe("resolveS3Settings", () => {
  it("takes AWS in us-east-1 when nothing is said, with the bucket in the host", async () => {
    const settings = await resolved({});
    assert.equal(settings.endpoint.href, "https://s3.us-east-1.amazonaws.com/");
    assert.deepEqual(
      [settings.region, settings.isAws, settings.isPathStyle, settings.bucket, settings.prefix],
      ["us-east-1", true, false, "bucket", "p"],
    );
    const moved = inRegion(settings, "cn-north-1");
    assert.equal(moved.endpoint.href, "https://s3.cn-north-1.amazonaws.com.cn/");
  });

  it("prefers the variable that says more", async () => {
    const settings = await resolved({
      AWS_ENDPOINT_URL: "http://127.0.0.1:1",
      AWS_ENDPOINT_URL_S3: "http://127.0.0.1:2/base",
      AWS_DEFAULT_REGION: "eu-west-1",
      AWS_REGION: "auto",
    });
    assert.equal(settings.endpoint.href, "http://127.0.0.1:2/base");
    assert.equal(settings.region, "auto");
    assert.equal((await resolved({ AWS_DEFAULT_REGION: "eu-west-1" })).region, "eu-west-1");
    assert.equal((await resolved({ AWS_REGION: " ", AWS_DEFAULT_REGION: "x" })).region, "x");
    const ignored = { AWS_ENDPOINT_URL: "http://h", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" };
    assert.equal((await resolved(ignored)).isAws, true);
  });

  it("puts the bucket into the path for an endpoint of one's own, and when it is no host name", async () => {
    const own = { AWS_ENDPOINT_URL_S3: "https://minio.example:9000" };
    assert.equal((await resolved(own)).isPathStyle, true);
    assert.equal((await resolved({}, "s3://with.dots")).isPathStyle, true);
    assert.equal((await resolved({}, "s3://Upper_case")).isPathStyle, true);
    const virtual = { ...own, SHOAL_S3_ADDRESSING_STYLE: "virtual" };
    assert.equal((await resolved(virtual)).isPathStyle, false);
    await assert.rejects(resolved(virtual, "s3://with.dots"), { code: "EINVAL" });
    const address = { ...virtual, AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9000" };
    await assert.rejects(resolved(address), { code: "EINVAL", message: /ADDRESSING_STYLE=path/u });
    assert.equal((await resolved({ SHOAL_S3_ADDRESSING_STYLE: "path" })).isPathStyle, true);
    await assert.rejects(resolved({ SHOAL_S3_ADDRESSING_STYLE: "paths" }), { code: "EINVAL" });
  });

  it("knows that Tigris takes buckets by host, and wants the consistent read asked for", async () => {
    for (const host of ["fly.storage.tigris.dev", "t3.storage.dev"]) {
      const settings = await resolved({ AWS_ENDPOINT_URL_S3: `https://${host}` });
      assert.deepEqual([settings.isPathStyle, needsConsistentHeader(settings)], [false, true]);
    }
    const other = await resolved({ AWS_ENDPOINT_URL_S3: "https://nottigris.dev" });
    assert.equal(needsConsistentHeader(other), false);
  });

  it("fills what is open from the profile", async () => {
    const config = `
[default]
region = eu-north-1
[profile work]
region = eu-central-1
endpoint_url = http://127.0.0.1:3
services = local
s3 =
  addressing_style = virtual
[services local]
s3 =
  endpoint_url = http://localhost:4
`;
    await withProfiles(config, async (environment) => {
      const plain = await resolveS3Settings("s3://bucket", environment);
      assert.deepEqual([plain.region, plain.isAws], ["eu-north-1", true]);
      const work = await resolveS3Settings("s3://bucket", { ...environment, AWS_PROFILE: "work" });
      assert.equal(work.endpoint.href, "http://localhost:4/");
      assert.deepEqual([work.region, work.isPathStyle], ["eu-central-1", false]);
    });
  });

  it("refuses endpoints and regions that are none, without repeating passwords", async () => {
    for (const url of ["minio:9000", "ftp://host", "nothing", "http://user:verysecret@host"]) {
      await assert.rejects(
        resolved({ AWS_ENDPOINT_URL_S3: url }),
        (error: Error & { code?: string }) =>
          error.code === "EINVAL" && !error.message.includes("verysecret"),
        url,
      );
    }
    await assert.rejects(resolved({ AWS_REGION: "../x" }), { code: "EINVAL" });
  });
});
