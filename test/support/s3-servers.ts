/**
 * Real S3 servers on the loopback interface. scripts/test-dependencies.sh installs them, by package name; what is not
 * there is told as a reason to skip.
 *
 * | server    | package                              | conditional writes                                    |
 * | --------- | ------------------------------------ | ----------------------------------------------------- |
 * | versitygw | Go, github.com/versity/versitygw     | exact; several gateways without lock files are not    |
 * | ministack | PyPI                                 | exact                                                 |
 * | s3rver    | npm                                  | ignored                                               |
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { SystemClock } from "../../src/core/clock.ts";
import { HttpExchanger } from "../../src/object/s3/http-exchange.ts";
import { RequestWindow } from "../../src/object/s3/request-window.ts";
import { S3Client } from "../../src/object/s3/s3-client.ts";
import { fixedCredentials, type S3Credentials } from "../../src/object/s3/s3-credentials.ts";
import type { S3Settings } from "../../src/object/s3/s3-settings.ts";
import { freePort, ServerProcess } from "./server-process.ts";

export interface S3Server extends AsyncDisposable {
  readonly name: string;
  readonly endpoint: URL;
  readonly credentials: S3Credentials;
  readonly log: () => string;
}

/** A server that can be started, or the reason why it cannot. */
export interface S3ServerKind {
  readonly name: string;
  readonly missing: string | undefined;
  readonly start: () => Promise<S3Server>;
}

const CACHE = join(
  process.env["SHOAL_TEST_CACHE"] ??
    join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "shoal-tests"),
);
const ROOT_CREDENTIALS: S3Credentials = {
  accessKeyId: "shoal-test",
  secretAccessKey: "shoal-test-secret",
};
/** s3rver knows this one key. */
const S3RVER_CREDENTIALS: S3Credentials = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

export const VERSITYGW: S3ServerKind = kind("versitygw", "versitygw-1.8.0/versitygw", (program) =>
  startVersitygw({ program }),
);
export const MINISTACK: S3ServerKind = kind(
  "ministack",
  "ministack-1.5.33/bin/ministack",
  startMinistack,
);
export const S3RVER: S3ServerKind = kind(
  "s3rver",
  "s3rver-3.7.1/node_modules/.bin/s3rver",
  startS3rver,
);

/** Gateways that share a directory, and take no lock that the others see: conditions are not exact between them. */
export async function startUnlockedPair(): Promise<
  AsyncDisposable & { readonly endpoints: readonly URL[]; readonly credentials: S3Credentials }
> {
  const stack = new AsyncDisposableStack();
  const directory = await temporaryDirectory(stack);
  const program = programOf("versitygw-1.8.0/versitygw");
  const extra = ["--disable-object-lock-file"];
  const first = stack.use(await startVersitygw({ program, directory, extra }));
  const second = stack.use(await startVersitygw({ program, directory, extra }));
  return {
    endpoints: [first.endpoint, second.endpoint],
    credentials: ROOT_CREDENTIALS,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Where a bucket of a test's server is. */
export function settingsOf(endpoint: URL, bucket: string, prefix = ""): S3Settings {
  return { endpoint, bucket, prefix, region: "us-east-1", isAws: false, isPathStyle: true };
}

export async function makeBucket(
  server: Pick<S3Server, "endpoint" | "credentials">,
  bucket: string,
): Promise<void> {
  const clock = new SystemClock();
  using client = new S3Client({
    settings: settingsOf(server.endpoint, bucket),
    credentials: fixedCredentials(server.credentials),
    exchanger: new HttpExchanger({ clock }),
    window: new RequestWindow(clock),
    clock,
  });
  await client.send({ what: "make the bucket", method: "PUT", statuses: [200] });
}

function kind(
  name: string,
  path: string,
  start: (program: string) => Promise<S3Server>,
): S3ServerKind {
  const program = programOf(path);
  const missing = existsSync(program)
    ? undefined
    : `${name} is not installed (scripts/test-dependencies.sh installs it)`;
  return { name, missing, start: () => start(program) };
}

function programOf(path: string): string {
  return join(CACHE, path);
}

async function startVersitygw(options: {
  readonly program: string;
  readonly directory?: string;
  readonly extra?: readonly string[];
}): Promise<S3Server> {
  const stack = new AsyncDisposableStack();
  const directory = options.directory ?? (await temporaryDirectory(stack));
  const port = await freePort();
  const { accessKeyId, secretAccessKey } = ROOT_CREDENTIALS;
  const gateway = ["--port", `127.0.0.1:${port}`, "--quiet", "--keep-alive"];
  const keys = ["--access", accessKeyId, "--secret", secretAccessKey];
  const args = [...gateway, ...keys, "posix", ...(options.extra ?? []), directory];
  return started(stack, "versitygw", ROOT_CREDENTIALS, { program: options.program, args, port });
}

async function startMinistack(program: string): Promise<S3Server> {
  const stack = new AsyncDisposableStack();
  const cwd = await temporaryDirectory(stack);
  const port = await freePort();
  const { accessKeyId, secretAccessKey } = ROOT_CREDENTIALS;
  const env = {
    // Signatures are checked, against the key in the server's own environment.
    AUTH: "true",
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    BIND_HOST: "127.0.0.1",
    GATEWAY_PORT: String(port),
    SERVICES: "s3,iam,sts",
    LOG_LEVEL: "WARNING",
  };
  return started(stack, "ministack", ROOT_CREDENTIALS, { program, args: [], port, env, cwd });
}

async function startS3rver(program: string): Promise<S3Server> {
  const stack = new AsyncDisposableStack();
  const directory = await temporaryDirectory(stack);
  const port = await freePort();
  const args = ["-d", directory, "-a", "127.0.0.1", "-p", String(port), "--no-vhost-buckets"];
  return started(stack, "s3rver", S3RVER_CREDENTIALS, { program, args, port });
}

async function started(
  stack: AsyncDisposableStack,
  name: string,
  credentials: S3Credentials,
  command: Parameters<typeof ServerProcess.start>[0],
): Promise<S3Server> {
  const server = stack.use(await ServerProcess.start(command));
  return {
    name,
    endpoint: new URL(`http://127.0.0.1:${command.port}`),
    credentials,
    log: () => server.log,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function temporaryDirectory(stack: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "s3-server-"));
  await mkdir(directory, { recursive: true });
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
