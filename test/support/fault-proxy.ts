/**
 * Stands between a store's client and a real server on the loopback interface, and does what networks and servers do on
 * bad days. Each request is received whole, then the test's function says what befalls it; without a fault it passes.
 */
import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout } from "node:timers/promises";

export type WireFault =
  | { readonly kind: "delay"; readonly delayMs: number }
  /** The connection is reset, and the server never sees the request. */
  | { readonly kind: "refuse" }
  /** The server has done it; the connection is reset in place of the answer. */
  | { readonly kind: "lose-answer" }
  /** Nothing comes of it, and no answer either. */
  | { readonly kind: "hang" }
  /** Done, and no answer. */
  | { readonly kind: "hang-after" }
  /** Half of the answer's body, then the connection is cut. */
  | { readonly kind: "truncate" }
  /** A bit of the answer's body is turned. */
  | { readonly kind: "corrupt" }
  /** The answer's body, byte by byte. */
  | { readonly kind: "drip" }
  | { readonly kind: "status"; readonly status: number; readonly code: string }
  /** Done, and then an error for an answer. */
  | { readonly kind: "status-after"; readonly status: number; readonly code: string }
  /** The server sees it twice; the second answer is passed on. */
  | { readonly kind: "duplicate" }
  /** The connection is reset at once, and the server sees the request later. */
  | { readonly kind: "apply-late"; readonly delayMs: number };

export interface ProxiedRequest {
  readonly method: string;
  /** Path and query, decoded. */
  readonly path: string;
  readonly hasRange: boolean;
}

interface Message {
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly rawHeaders: string[];
  readonly body: Buffer;
}

const DRIP_MS = 20;

export class FaultProxy implements AsyncDisposable {
  /** Asked once a request, in the order they came. */
  faults: (request: ProxiedRequest) => WireFault | undefined = () => undefined;
  requestCount = 0;
  readonly #target: URL;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #late = new Set<Promise<unknown>>();
  readonly #closed = new AbortController();

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer((incoming, outgoing) => void this.#serve(incoming, outgoing));
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(target: URL): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await proxy.listen(0);
    return proxy;
  }

  get endpoint(): URL {
    return new URL(`http://127.0.0.1:${this.port}`);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes connections again, after `hangUp`. */
  async listen(port: number): Promise<void> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** As if the server were switched off: connections are cut and refused. */
  async hangUp(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Resolves when every request that was to reach the server late has done so. */
  async settled(): Promise<void> {
    while (this.#late.size > 0) await Promise.allSettled(this.#late);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.settled();
    if (this.#server.listening) await this.hangUp();
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const message = { incoming, body: Buffer.concat(chunks) };
      this.requestCount++;
      const fault = this.faults({
        method: incoming.method ?? "",
        path: decodeURIComponent(incoming.url ?? ""),
        hasRange: incoming.headers.range !== undefined,
      });
      await this.#answer(message, outgoing, fault);
    } catch {
      // Either side has hung up: so does this one.
      incoming.socket.destroy();
    }
  }

  async #answer(
    message: Message,
    outgoing: ServerResponse,
    fault: WireFault | undefined,
  ): Promise<void> {
    const { socket } = message.incoming;
    switch (fault?.kind) {
      case undefined:
        return send(outgoing, await this.#forward(message));
      case "delay":
        await setTimeout(fault.delayMs, undefined, { signal: this.#closed.signal });
        return send(outgoing, await this.#forward(message));
      case "refuse":
        return void socket.resetAndDestroy();
      case "lose-answer":
        await this.#forward(message);
        return void socket.resetAndDestroy();
      case "hang":
        return;
      case "hang-after":
        await this.#forward(message);
        return;
      case "truncate": {
        const answer = await this.#forward(message);
        writeHead(outgoing, answer);
        outgoing.write(answer.body.subarray(0, answer.body.length >> 1), () => socket.destroy());
        return;
      }
      case "corrupt": {
        const answer = await this.#forward(message);
        if (answer.body.length > 0) answer.body[answer.body.length >> 1]! ^= 1;
        return send(outgoing, answer);
      }
      case "drip":
        return drip(outgoing, await this.#forward(message));
      case "status":
        return send(outgoing, faultAnswer(fault));
      case "status-after":
        await this.#forward(message);
        return send(outgoing, faultAnswer(fault));
      case "duplicate":
        await this.#forward(message);
        return send(outgoing, await this.#forward(message));
      case "apply-late":
        socket.resetAndDestroy();
        return this.#forwardLate(message, fault.delayMs);
    }
  }

  #forwardLate(message: Message, delayMs: number): void {
    const apply = async (): Promise<void> => {
      await setTimeout(delayMs);
      await this.#forward(message);
    };
    const late = apply().finally(() => this.#late.delete(late));
    this.#late.add(late);
    late.catch(() => {});
  }

  /** As it came, the host's name included, which is signed; what is between this proxy and its client is left out. */
  async #forward({ incoming, body }: Message): Promise<Answer> {
    const headers: string[] = [];
    for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
      const name = incoming.rawHeaders[i]!;
      if (/^(?:connection|expect|transfer-encoding)$/iu.test(name)) continue;
      headers.push(name, incoming.rawHeaders[i + 1]!);
    }
    const { hostname, port } = this.#target;
    const { method, url } = incoming;
    const asking = httpRequest({ hostname, port, method, path: url, headers, agent: false });
    asking.end(body);
    const [answer] = (await once(asking, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    return {
      status: answer.statusCode ?? 0,
      rawHeaders: answer.rawHeaders,
      body: Buffer.concat(chunks),
    };
  }
}

function writeHead(outgoing: ServerResponse, answer: Answer): void {
  for (let i = 0; i < answer.rawHeaders.length; i += 2) {
    const name = answer.rawHeaders[i]!;
    if (/^(?:connection|keep-alive)$/iu.test(name)) continue;
    outgoing.setHeader(name, answer.rawHeaders[i + 1]!);
  }
  outgoing.writeHead(answer.status);
}

function send(outgoing: ServerResponse, answer: Answer): void {
  writeHead(outgoing, answer);
  outgoing.end(answer.body);
}

async function drip(outgoing: ServerResponse, answer: Answer): Promise<void> {
  writeHead(outgoing, answer);
  outgoing.flushHeaders();
  for (const byte of answer.body) {
    if (outgoing.destroyed || outgoing.socket?.destroyed === true) return;
    outgoing.write(Uint8Array.of(byte));
    await setTimeout(DRIP_MS);
  }
  outgoing.end();
}

function faultAnswer(fault: { readonly status: number; readonly code: string }): Answer {
  const body = Buffer.from(
    `<Error><Code>${fault.code}</Code><Message>on purpose</Message></Error>`,
  );
  return {
    status: fault.status,
    rawHeaders: ["content-type", "application/xml", "content-length", String(body.length)],
    body,
  };
}
