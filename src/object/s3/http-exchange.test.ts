import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { describe, it } from "node:test";
import { SystemClock } from "../../core/clock.ts";
import { HTTP_LIMITS, HttpExchanger, type HttpLimits, type HttpRequest } from "./http-exchange.ts";
import { bodyOfBytes } from "./object-body.ts";

/** Short enough to be waited for, where a test waits for it. */
const SHORT: HttpLimits = {
  connectMs: 20_000,
  idleMs: 200,
  firstByteMs: 200,
  bytesPerSecondMin: 10_000,
};

type Exchange = (
  request: Partial<HttpRequest>,
  signal?: AbortSignal,
) => ReturnType<HttpExchanger["exchange"]>;

async function serving(
  server: Server,
  limits: HttpLimits,
  use: (exchange: Exchange, exchanger: HttpExchanger) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  using exchanger = new HttpExchanger({ clock: new SystemClock(), limits });
  try {
    const request = { method: "GET", origin, path: "/", headers: {}, answerSizeMax: 1 << 20 };
    await use((more, signal) => exchanger.exchange({ ...request, ...more }, signal), exchanger);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** Answers every connection with these bytes, as soon as it sends something, and ends it if asked to. */
function raw(answer: string, options: { readonly ends: boolean }): Server {
  return createServer((socket) => {
    socket.once("data", () => (options.ends ? socket.end(answer) : socket.write(answer)));
  });
}

function http(listener: RequestListener): Server {
  return createHttpServer(listener);
}

describe("HttpExchanger", () => {
  it("sends a body and brings back status, headers and bytes, over one connection", async () => {
    const ports = new Set<number | undefined>();
    const server = http((incoming, outgoing) => {
      ports.add(incoming.socket.remotePort);
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        outgoing.setHeader("x-method", incoming.method ?? "");
        outgoing.statusCode = 207;
        outgoing.end(Buffer.concat(chunks));
      });
    });
    await serving(server, HTTP_LIMITS, async (exchange) => {
      for (const size of [0, 1, 1000, 3_000_000]) {
        const bytes = new Uint8Array(size).fill(size & 0xff);
        const answer = await exchange({
          method: "PUT",
          body: await bodyOfBytes(bytes),
          answerSizeMax: size,
        });
        assert.deepEqual([answer.status, answer.headers["x-method"]], [207, "PUT"]);
        assert.equal(Buffer.compare(answer.body, bytes), 0);
      }
    });
    assert.equal(ports.size, 1);
  });

  const cut: readonly (readonly [string, string, RegExp])[] = [
    ["its length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", /after 3 of 10 bytes/u],
    ["its chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", /cut after 3/u],
    [
      "its last chunk",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
      /cut after 3/u,
    ],
    ["its head", "HTTP/1.1 200 OK\r\nContent-Le", /./u],
    ["everything", "", /./u],
  ];
  for (const [what, answer, message] of cut) {
    it(`refuses an answer that ends before ${what}, and says it may be tried again`, async () => {
      await serving(raw(answer, { ends: true }), HTTP_LIMITS, async (exchange) => {
        await assert.rejects(exchange({}), { name: "ObjectStoreError", retryable: true, message });
      });
    });
  }

  it("refuses what is no HTTP, and a length that is none", async () => {
    for (const answer of ["SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]) {
      await serving(raw(answer, { ends: false }), HTTP_LIMITS, async (exchange) => {
        await assert.rejects(exchange({}), { code: "EPROTO", retryable: true });
      });
    }
  });

  it("refuses an answer larger than it may be, before it takes the bytes", async () => {
    const known = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
    const unknown = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n${"a".repeat(32)}\r\n`;
    for (const answer of [known, unknown]) {
      await serving(raw(answer, { ends: false }), HTTP_LIMITS, async (exchange) => {
        await assert.rejects(exchange({ answerSizeMax: 16 }), { code: "EFBIG", retryable: false });
      });
    }
  });

  it("gives up a server that says nothing, stops in the middle, or sends byte by byte", async () => {
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    const silent = createServer(() => {});
    const stopping = raw(`${head}abc`, { ends: false });
    const dripping = createServer((socket) => {
      socket.write(head);
      const timer = setInterval(() => socket.write("a"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    const servers: readonly (readonly [Server, RegExp])[] = [
      [silent, /no answer within 200 ms/u],
      [stopping, /nothing was received for 200 ms, after 3 bytes/u],
      [dripping, /only \d+ bytes were received in/u],
    ];
    for (const [server, message] of servers) {
      await serving(server, SHORT, async (exchange) => {
        await assert.rejects(exchange({}), { code: "ETIMEDOUT", retryable: true, message });
      });
    }
  });

  it("gives up a server that takes no more of a body", async () => {
    const server = createServer((socket) => void socket.pause());
    await serving(server, SHORT, async (exchange) => {
      const body = await bodyOfBytes(new Uint8Array(64 * 1024 * 1024));
      await assert.rejects(exchange({ method: "PUT", body }), { code: "ETIMEDOUT" });
    });
  });

  it("reads a refusal that comes before the body was sent, and sends no more of it", async () => {
    let receivedSize = 0;
    const server = http((incoming, outgoing) => {
      incoming.on("data", (chunk: Buffer) => (receivedSize += chunk.length));
      outgoing.writeHead(412, { "content-length": 2 }).end("no");
    });
    server.on("checkContinue", (_, outgoing) => {
      outgoing.writeHead(412, { "content-length": 2 }).end("no");
    });
    await serving(server, HTTP_LIMITS, async (exchange) => {
      const body = await bodyOfBytes(new Uint8Array(8 * 1024 * 1024));
      const answer = await exchange({ method: "PUT", body });
      assert.deepEqual([answer.status, receivedSize], [412, 0]);
      assert.equal((await exchange({ method: "GET" })).status, 412);
    });
  });

  it("sends the body all the same when a server does not know how to ask for it", async () => {
    const body = await bodyOfBytes(new Uint8Array(3 * 1024 * 1024));
    const server = createServer((socket) => {
      let size = 0;
      socket.on("data", (chunk) => {
        size += chunk.length;
        if (size >= body.size) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
    });
    await serving(server, HTTP_LIMITS, async (exchange) => {
      assert.equal((await exchange({ method: "PUT", body })).status, 200);
    });
  });

  it("holds the last byte back until it is told", async () => {
    let receivedSize = 0;
    const server = http((incoming, outgoing) => {
      incoming.on("data", (chunk: Buffer) => (receivedSize += chunk.length));
      incoming.on("end", () => outgoing.end());
    });
    await serving(server, HTTP_LIMITS, async (exchange) => {
      let sizeWhenHeld = -1;
      const holdLastByte = async (): Promise<void> => {
        while (receivedSize < 999) await new Promise((resolve) => setImmediate(resolve));
        sizeWhenHeld = receivedSize;
      };
      const body = await bodyOfBytes(new Uint8Array(1000));
      await exchange({ method: "PUT", body, holdLastByte });
      assert.deepEqual([sizeWhenHeld, receivedSize], [999, 1000]);
    });
  });

  it("ends at an abort with its reason, and leaves nothing running", async () => {
    const server = createServer(() => {});
    await serving(server, HTTP_LIMITS, async (exchange) => {
      const controller = new AbortController();
      const reason = new Error("enough");
      const exchanging = exchange({}, controller.signal);
      await once(server, "connection");
      controller.abort(reason);
      await assert.rejects(exchanging, reason);
      await assert.rejects(exchange({}, controller.signal), reason);
    });
  });

  it("names a port that nobody listens on and a host that does not exist, to be tried again", async () => {
    await serving(createServer(), HTTP_LIMITS, async (exchange) => {
      const nobody = { origin: new URL("http://127.0.0.1:9") };
      await assert.rejects(exchange(nobody), { code: "ECONNREFUSED", retryable: true });
      const nowhere = { origin: new URL("http://no-such-host.invalid") };
      await assert.rejects(exchange(nowhere), { code: "ENOTCONN", retryable: true });
    });
  });

  it("says that TLS with a server that has none will not work", async () => {
    const server = raw("HTTP/1.1 400 Bad Request\r\n\r\n", { ends: true });
    await serving(server, HTTP_LIMITS, async (exchange) => {
      const { port } = server.address() as AddressInfo;
      const origin = new URL(`https://127.0.0.1:${port}`);
      await assert.rejects(exchange({ origin }), { code: "EPROTO", retryable: false });
    });
  });

  it("refuses requests after close", async () => {
    await serving(createServer(), HTTP_LIMITS, async (exchange, exchanger) => {
      exchanger.close();
      await assert.rejects(exchange({}), { code: "EBADF" });
    });
  });
});
