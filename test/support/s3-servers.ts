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
import aws4 from "aws4";
import { SystemClock } from "../../src/core/clock.ts";
import { HttpExchanger } from "../../src/object/s3/http-exchange.ts";
import { bodyOfBytes } from "../../src/object/s3/object-body.ts";
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

/** For what the port to stores has no call for. */
export function clientOf(
  server: Pick<S3Server, "endpoint" | "credentials">,
  bucket: string,
): S3Client {
  const clock = new SystemClock();
  return new S3Client({
    settings: settingsOf(server.endpoint, bucket),
    credentials: fixedCredentials(server.credentials),
    exchanger: new HttpExchanger({ clock }),
    window: new RequestWindow(clock),
    clock,
  });
}

export async function makeBucket(
  server: Pick<S3Server, "endpoint" | "credentials">,
  bucket: string,
): Promise<void> {
  using client = clientOf(server, bucket);
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

/** Its signatures are checked for the keys of users, not for that of the account: so it gets a user. */
async function startMinistack(program: string): Promise<S3Server> {
  const stack = new AsyncDisposableStack();
  const cwd = await temporaryDirectory(stack);
  const port = await freePort();
  const { accessKeyId, secretAccessKey } = ROOT_CREDENTIALS;
  const env = {
    AUTH: "true",
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    BIND_HOST: "127.0.0.1",
    GATEWAY_PORT: String(port),
    SERVICES: "s3,iam,sts",
    LOG_LEVEL: "WARNING",
  };
  const command = { program, args: [], port, env, cwd };
  const server = await started(stack, "ministack", ROOT_CREDENTIALS, command);
  try {
    return { ...server, credentials: await makeUser(server.endpoint) };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** A user of AWS's identity management who may do everything with S3; gives the user's key. */
async function makeUser(endpoint: URL): Promise<S3Credentials> {
  const statement = { Effect: "Allow", Action: "s3:*", Resource: "*" };
  const policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const user = { UserName: "shoal" };
  await askIam(endpoint, { Action: "CreateUser", ...user });
  const naming = { PolicyName: "s3", PolicyDocument: policy };
  await askIam(endpoint, { Action: "PutUserPolicy", ...user, ...naming });
  const answer = await askIam(endpoint, { Action: "CreateAccessKey", ...user });
  const element = (name: string): string => {
    const found = new RegExp(`<${name}>([^<]+)</${name}>`, "u").exec(answer)?.[1];
    if (found === undefined) throw new Error(`no ${name} in ${answer}`);
    return found;
  };
  return { accessKeyId: element("AccessKeyId"), secretAccessKey: element("SecretAccessKey") };
}

async function askIam(endpoint: URL, query: Readonly<Record<string, string>>): Promise<string> {
  const body = new URLSearchParams({ Version: "2010-05-08", ...query }).toString();
  const { path, headers } = aws4.sign(
    { method: "POST", host: endpoint.host, path: "/", service: "iam", region: "us-east-1", body },
    {
      accessKeyId: ROOT_CREDENTIALS.accessKeyId,
      secretAccessKey: ROOT_CREDENTIALS.secretAccessKey,
    },
  );
  using exchanger = new HttpExchanger({ clock: new SystemClock() });
  const answer = await exchanger.exchange({
    method: "POST",
    origin: endpoint,
    path: path ?? "/",
    headers: headers as Record<string, string>,
    body: await bodyOfBytes(new TextEncoder().encode(body)),
    answerSizeMax: 100_000,
  });
  const text = new TextDecoder().decode(answer.body);
  if (answer.status !== 200) throw new Error(`IAM answers ${answer.status}: ${text}`);
  return text;
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
