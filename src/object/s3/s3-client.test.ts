import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { SystemClock } from "../../core/clock.ts";
import { HttpExchanger } from "./http-exchange.ts";
import { bodyOfBytes } from "./object-body.ts";
import { RequestWindow } from "./request-window.ts";
import { S3Client, type S3Request } from "./s3-client.ts";
import { fixedCredentials, type CredentialSource } from "./s3-credentials.ts";

interface Scripted {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
}

const GET: S3Request = { what: "get k", method: "GET", key: "k", statuses: [200, 404] };
const KEY = { accessKeyId: "AKID", secretAccessKey: "verysecret" };

/** Gives the answers in order, to whatever is asked, and what was asked. */
async function withServer(
  answers: readonly Scripted[],
  use: (client: S3Client, received: Received[], clock: ManualClock) => Promise<void>,
  options: { readonly credentials?: CredentialSource } = {},
): Promise<void> {
  const received: Received[] = [];
  const server = createServer((incoming, outgoing) => {
    incoming.resume();
    incoming.on("end", () => {
      const answer = answers[received.length] ?? { status: 418 };
      received.push({
        method: incoming.method ?? "",
        url: incoming.url ?? "",
        headers: incoming.headers,
      });
      outgoing.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const clock = new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5));
  using client = new S3Client({
    settings: {
      bucket: "bucket",
      prefix: "",
      endpoint: new URL(`http://127.0.0.1:${port}`),
      region: "us-east-1",
      isAws: false,
      isPathStyle: true,
    },
    credentials: options.credentials ?? fixedCredentials(KEY),
    // The time that is signed stands still; the time that requests may take does not.
    exchanger: new HttpExchanger({ clock: new SystemClock() }),
    window: new RequestWindow(clock),
    clock,
  });
  try {
    await use(client, received, clock);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function fault(
  status: number,
  code: string,
  more: Partial<Scripted> & { xml?: string } = {},
): Scripted {
  const body = `<Error><Code>${code}</Code><Message>m</Message>${more.xml ?? ""}</Error>`;
  return { status, body, ...(more.headers === undefined ? {} : { headers: more.headers }) };
}

describe("S3Client", () => {
  it("signs the payload and sends its checksum", async () => {
    await withServer([{ status: 200 }], async (client, received) => {
      const body = await bodyOfBytes(new TextEncoder().encode("hello"));
      await client.send({
        what: "w",
        method: "PUT",
        key: "a b/ä+(1)",
        headers: { "if-none-match": "*" },
        body,
        statuses: [200],
      });
      const [{ url, headers }] = received as [Received];
      assert.equal(url, "/bucket/a%20b/%C3%A4%2B%281%29");
      assert.equal(
        headers["x-amz-content-sha256"],
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
      );
      assert.equal(headers["x-amz-checksum-crc32"], "NhCmhg==");
      assert.equal(headers["x-amz-date"], "20260102T030405Z");
      assert.match(
        String(headers.authorization),
        /^AWS4-HMAC-SHA256 Credential=AKID\/20260102\/us-east-1\/s3\/aws4_request, SignedHeaders=[^,]*host;if-none-match;x-amz-checksum-crc32;x-amz-content-sha256;x-amz-date, Signature=[0-9a-f]{64}$/u,
      );
    });
  });

  it("believes that a key is not there only when the store says so", async () => {
    await withServer([fault(404, "NoSuchKey")], async (client) => {
      assert.equal((await client.send(GET)).status, 404);
    });
    const others: readonly (readonly [Scripted, string])[] = [
      [fault(404, "NoSuchBucket"), "ENODEV"],
      [{ status: 404, body: "<html>not here</html>" }, "EPROTO"],
      [{ status: 404 }, "EPROTO"],
    ];
    for (const [answer, code] of others) {
      await withServer([answer], async (client) => {
        await assert.rejects(client.send(GET), {
          code,
          message: /get k in s3:\/\/bucket at http/u,
        });
      });
    }
  });

  it("signs for the region that the store names, and keeps to it", async () => {
    const elsewhere = fault(400, "AuthorizationHeaderMalformed", {
      xml: "<Region>eu-west-1</Region>",
    });
    await withServer([elsewhere, { status: 200 }, { status: 200 }], async (client, received) => {
      await client.send(GET);
      await client.send(GET);
      const regions = received.map(({ headers }) => String(headers.authorization).split("/")[2]);
      assert.deepEqual(regions, ["us-east-1", "eu-west-1", "eu-west-1"]);
    });
  });

  it("does not go where a redirect points, and says what to set", async () => {
    const headers = { location: "http://169.254.169.254/" };
    await withServer([{ status: 307, headers }], async (client, received) => {
      await assert.rejects(client.send(GET), { code: "EPROTO", message: /set AWS_REGION or/u });
      assert.equal(received.length, 1);
    });
    const same = fault(301, "PermanentRedirect", {
      headers: { "x-amz-bucket-region": "us-east-1" },
    });
    await withServer([same], async (client) => {
      await assert.rejects(client.send(GET), { code: "EPROTO" });
    });
  });

  it("puts its clock right by the store's, once, and says so when that does not help", async () => {
    const date = new Date(Date.UTC(2026, 0, 2, 5, 0, 0)).toUTCString();
    const skewed = fault(403, "RequestTimeTooSkewed", { headers: { date } });
    await withServer(
      [skewed, { status: 200 }, { status: 200 }],
      async (client, received, clock) => {
        await client.send(GET);
        clock.advance(60_000);
        await client.send(GET);
        const dates = received.map(({ headers }) => headers["x-amz-date"]);
        assert.deepEqual(dates, ["20260102T030405Z", "20260102T050000Z", "20260102T050100Z"]);
      },
    );
    await withServer([skewed, skewed], async (client) => {
      await assert.rejects(client.send(GET), { code: "EACCES", message: /the clocks of this/u });
    });
  });

  it("does not take a refusal for a wrong clock when the clocks agree", async () => {
    const date = new Date(Date.UTC(2026, 0, 2, 3, 4, 35)).toUTCString();
    const refused = fault(403, "SignatureDoesNotMatch", { headers: { date } });
    await withServer([refused], async (client, received) => {
      await assert.rejects(client.send(GET), { code: "EACCES", retryable: false });
      assert.equal(received.length, 1);
    });
  });

  it("renews credentials that have expired, once", async () => {
    let renewedCount = 0;
    const credentials: CredentialSource = {
      get: async () => ({ ...KEY, sessionToken: `token-${renewedCount}` }),
      renew: async () => {
        renewedCount++;
        return true;
      },
    };
    const expired = fault(400, "ExpiredToken");
    await withServer(
      [expired, { status: 200 }, expired, expired],
      async (client, received) => {
        await client.send(GET);
        const tokens = received.map(({ headers }) => headers["x-amz-security-token"]);
        assert.deepEqual(tokens, ["token-0", "token-1"]);
        await assert.rejects(client.send(GET), { code: "EACCES", retryable: true });
      },
      { credentials },
    );
  });

  it("never shows a secret in an error", async () => {
    await withServer([fault(403, "SignatureDoesNotMatch")], async (client) => {
      await assert.rejects(client.send(GET), (error: Error) => {
        return !JSON.stringify([error.message, error.stack]).includes("verysecret");
      });
    });
  });
});
