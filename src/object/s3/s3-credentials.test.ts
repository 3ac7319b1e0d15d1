import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { credentialsOf } from "./s3-credentials.ts";
import type { Environment } from "./s3-settings.ts";

/** The chain of AWS's SDK reads the process's own environment. */
async function withEnvironment(
  environment: Environment,
  use: (environment: Environment) => Promise<void>,
): Promise<void> {
  const before = { ...process.env };
  const own = Object.keys(before).filter((name) => name.startsWith("AWS_"));
  for (const name of own) delete process.env[name];
  const all: Environment = { AWS_EC2_METADATA_DISABLED: "true", ...environment };
  Object.assign(process.env, all);
  try {
    await use(all);
  } finally {
    for (const name of Object.keys(all)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

async function withFile(content: string, use: (path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "aws-"));
  try {
    const path = join(directory, "credentials");
    await writeFile(path, content);
    await use(path);
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe("credentialsOf", () => {
  it("takes the environment first, also with AWS_PROFILE", async () => {
    const source = credentialsOf({
      AWS_PROFILE: "no-such-profile",
      AWS_ACCESS_KEY_ID: "id",
      AWS_SECRET_ACCESS_KEY: "secret",
      AWS_SESSION_TOKEN: "token",
    });
    assert.deepEqual(await source.get(), {
      accessKeyId: "id",
      secretAccessKey: "secret",
      sessionToken: "token",
    });
    assert.equal(await source.renew(), false);
  });

  it("refuses half a pair, and names the missing half", () => {
    assert.throws(() => credentialsOf({ AWS_ACCESS_KEY_ID: "id" }), {
      code: "EINVAL",
      message: /^AWS_SECRET_ACCESS_KEY is not set/u,
    });
    assert.throws(() => credentialsOf({ AWS_SECRET_ACCESS_KEY: "verysecret" }), {
      code: "EINVAL",
      message: /^(?!.*verysecret)AWS_ACCESS_KEY_ID is not set/u,
    });
  });

  it("takes a profile of the shared files", async () => {
    const content = `
[default]
aws_access_key_id = one
aws_secret_access_key = secret-one
[work]
aws_access_key_id = two
aws_secret_access_key = secret-two
aws_session_token = token-two
`;
    await withFile(content, async (path) => {
      const files = { AWS_SHARED_CREDENTIALS_FILE: path, AWS_CONFIG_FILE: "/nonexistent" };
      await withEnvironment(files, async (environment) => {
        const { accessKeyId, secretAccessKey } = await credentialsOf(environment).get();
        assert.deepEqual([accessKeyId, secretAccessKey], ["one", "secret-one"]);
      });
      await withEnvironment({ ...files, AWS_PROFILE: "work" }, async (environment) => {
        const { accessKeyId, sessionToken } = await credentialsOf(environment).get();
        assert.deepEqual([accessKeyId, sessionToken], ["two", "token-two"]);
      });
    });
  });

  it("takes the role of a container, and a newer session when asked to renew", async () => {
    let count = 0;
    const server = createServer((_, outgoing) => {
      const session = {
        AccessKeyId: `id-${++count}`,
        SecretAccessKey: "secret",
        Token: `token-${count}`,
        Expiration: new Date(Date.now() + 3_600_000).toISOString(),
      };
      outgoing.setHeader("content-type", "application/json").end(JSON.stringify(session));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    try {
      const container = {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/role`,
        AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
        AWS_CONFIG_FILE: "/nonexistent",
      };
      await withEnvironment(container, async (environment) => {
        const source = credentialsOf(environment);
        assert.equal((await source.get()).sessionToken, "token-1");
        assert.equal((await source.get()).sessionToken, "token-1");
        assert.equal(await source.renew(), true);
        assert.equal((await source.get()).sessionToken, "token-2");
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("says what to set when there is nothing", async () => {
    const nothing = {
      AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
      AWS_CONFIG_FILE: "/nonexistent",
    };
    await withEnvironment(nothing, async (environment) => {
      await assert.rejects(credentialsOf(environment).get(), {
        code: "EACCES",
        retryable: false,
        message: /there are no credentials: set AWS_ACCESS_KEY_ID/u,
      });
    });
  });
});
