/**
 * One HTTP request and its whole answer, over kept connections, with a limit on every way to wait.
 *
 * What always holds:
 * - Connecting, sending, the answer's first byte and each next one have a limit each. Bodies must also move at
 *   BYTES_PER_SECOND_MIN on the average, so that one byte now and then does not keep a request alive for ever.
 * - An answer counts only when it is whole: as long as its Content-Length says, or with the end that chunks have.
 * - A connection whose request did not end regularly is never used again.
 * - An answer that comes before the body was sent is read (a refusal, mostly), and the rest is not sent.
 * - An error is an ObjectStoreError that may be retried; whether the request took effect is then unknown.
 * Source: RFC 9112 (section 8, incomplete messages; 9.3, persistence), RFC 9110 section 10.1.1 (Expect).
 */
import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Clock } from "../../core/clock.ts";
import { FsError, type ErrorCode } from "../../core/fs-error.ts";
import { errorMessage, systemErrorCode } from "../../core/system-error.ts";
import { ObjectStoreError } from "../object-store.ts";
import type { ObjectBody } from "./object-body.ts";
import { Watchdog } from "./watchdog.ts";

/** Name look-up, TCP and TLS: a few round trips; three lost SYNs take 7 s. */
const CONNECT_MS = 10_000;
/** No byte moved in the middle of a body. */
const IDLE_MS = 10_000;
/** From the request's last byte to the answer's head: a store under load takes seconds, none takes longer. */
const FIRST_BYTE_MS = 20_000;
/** Bodies slower than this on the average are given up, after some grace. */
const BYTES_PER_SECOND_MIN: number = 64 * 1024;
/** Times idleMs: a pause or two at the beginning say nothing of the rate. */
const GRACE_FACTOR = 3;
/** How long a server may take to ask for a body that it was told to expect; then it is sent all the same. */
const CONTINUE_MS = 1000;
/** From here on a body waits for "100 Continue": a refusal then costs no upload. As the SDKs of AWS have it. */
const CONTINUE_SIZE_MIN: number = 2 * 1024 * 1024;
/** Connections that wait for the next request; more than that are closed again. */
const FREE_CONNECTION_COUNT_MAX = 32;
/** Servers close idle connections after 5 s to a few minutes; ours go first, mostly. */
const FREE_CONNECTION_MS = 4000;

export interface HttpLimits {
  readonly connectMs: number;
  readonly idleMs: number;
  readonly firstByteMs: number;
  readonly bytesPerSecondMin: number;
}

export const HTTP_LIMITS: HttpLimits = {
  connectMs: CONNECT_MS,
  idleMs: IDLE_MS,
  firstByteMs: FIRST_BYTE_MS,
  bytesPerSecondMin: BYTES_PER_SECOND_MIN,
};

export interface HttpRequest {
  readonly method: string;
  /** Scheme, host and port. */
  readonly origin: URL;
  /** Path and query, encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: ObjectBody | undefined;
  /** Bytes that the answer's body may have at most. */
  readonly answerSizeMax: number;
  /** Called when all but the last byte of the body is sent; that byte follows when the promise is kept. */
  readonly holdLastByte?: (() => Promise<void>) | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export class HttpExchanger implements Disposable {
  readonly #clock: Clock;
  readonly #limits: HttpLimits;
  readonly #agents: Readonly<Record<string, HttpAgent>>;
  #closed = false;

  /** `ca` is a list of certificates in PEM to trust instead of Node's own. */
  constructor(options: { clock: Clock; limits?: HttpLimits; ca?: string | undefined }) {
    this.#clock = options.clock;
    this.#limits = options.limits ?? HTTP_LIMITS;
    const settings = {
      keepAlive: true,
      maxFreeSockets: FREE_CONNECTION_COUNT_MAX,
      timeout: FREE_CONNECTION_MS,
    };
    this.#agents = {
      "http:": new HttpAgent(settings),
      "https:": new HttpsAgent({
        ...settings,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      }),
    };
  }

  /** Any status is an answer. Throws the signal's reason, or an ObjectStoreError that may be retried (or says why not). */
  async exchange(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer> {
    signal?.throwIfAborted();
    if (this.#closed) {
      throw new ObjectStoreError("EBADF", "the store is closed", { retryable: false });
    }
    const send = request.origin.protocol === "https:" ? httpsRequest : httpRequest;
    const outgoing = send(this.#options(request));
    await using watchdog = new Watchdog(this.#clock, (reason) => outgoing.destroy(reason));
    const onAbort = (): void => void outgoing.destroy(signal?.reason as Error);
    signal?.addEventListener("abort", onAbort, { once: true });
    const exchange = new Exchange(outgoing, { request, watchdog, limits: this.#limits });
    try {
      return await exchange.run();
    } catch (error) {
      outgoing.destroy();
      signal?.throwIfAborted();
      throw toTransportError(error);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  close(): void {
    this.#closed = true;
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #options(request: HttpRequest): RequestOptions {
    const { origin, method, path, body } = request;
    const headers: Record<string, string> = { ...request.headers };
    if (body !== undefined || method === "PUT" || method === "POST") {
      headers["content-length"] = String(body?.size ?? 0);
    }
    if (expectsContinue(request)) headers["expect"] = "100-continue";
    return {
      protocol: origin.protocol,
      // A URL puts an IPv6 address into brackets, the resolver wants none.
      hostname: origin.hostname.replace(/^\[(.*)\]$/u, "$1"),
      port: origin.port === "" ? undefined : Number(origin.port),
      method,
      path,
      headers,
      agent: this.#agents[origin.protocol],
    };
  }
}

/** The steps of one request. Every promise it makes is settled by an event of `outgoing`, which `destroy` brings about. */
class Exchange {
  readonly #outgoing: ClientRequest;
  readonly #request: HttpRequest;
  readonly #watchdog: Watchdog;
  readonly #limits: HttpLimits;
  readonly #answer: Promise<IncomingMessage>;
  readonly #failed: Promise<never>;
  #hasAnswer = false;

  constructor(
    outgoing: ClientRequest,
    options: { request: HttpRequest; watchdog: Watchdog; limits: HttpLimits },
  ) {
    this.#outgoing = outgoing;
    this.#request = options.request;
    this.#watchdog = options.watchdog;
    this.#limits = options.limits;
    this.#answer = new Promise((resolve) => {
      outgoing.once("response", (incoming) => {
        this.#hasAnswer = true;
        // Whoever reads it listens as well; without a listener an error would end the process.
        incoming.on("error", () => {});
        resolve(incoming);
      });
    });
    this.#failed = new Promise((_, reject) => {
      outgoing.on("error", reject);
      outgoing.once("close", () => reject(new CutError("the connection was closed")));
    });
    // It is raced against; between the races nobody listens.
    this.#failed.catch(() => {});
  }

  async run(): Promise<HttpAnswer> {
    const { connectMs, firstByteMs } = this.#limits;
    this.#watchdog.arm(connectMs, `no connection within ${connectMs} ms`);
    if (expectsContinue(this.#request)) await this.#continue();
    else await this.#connected();
    await this.#send();
    this.#watchdog.arm(firstByteMs, `no answer within ${firstByteMs} ms`);
    const incoming = await this.#race(this.#answer);
    const body = await this.#receive(incoming);
    if (!this.#outgoing.writableFinished) this.#outgoing.destroy();
    return { status: incoming.statusCode ?? 0, headers: incoming.headers, body };
  }

  #race<T>(step: Promise<T>): Promise<T> {
    return Promise.race([step, this.#failed]);
  }

  /** Resolves when there is a connection that bytes can be written to. */
  async #connected(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#outgoing.once("socket", (socket) => {
      if (!socket.connecting) resolve();
      else if ("encrypted" in socket) socket.once("secureConnect", resolve);
      else socket.once("connect", resolve);
    });
    await this.#race(promise);
  }

  /** Sends the head; resolves when the server wants the body, refuses it, or says nothing for a while. */
  async #continue(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#outgoing.once("continue", resolve);
    this.#outgoing.flushHeaders();
    await this.#connected();
    const { firstByteMs } = this.#limits;
    this.#watchdog.arm(firstByteMs, `no answer within ${firstByteMs} ms`);
    const silence = this.#watchdog.pause(CONTINUE_MS);
    await this.#race(Promise.race([promise, silence, this.#answer.then(() => {})]));
  }

  async #send(): Promise<void> {
    const { body, holdLastByte } = this.#request;
    const progress = this.#progress("sent");
    progress(0);
    if (body !== undefined) {
      let sentSize = 0;
      for await (const chunk of body.chunks()) {
        if (this.#hasAnswer) return;
        const isLast = sentSize + chunk.length === body.size;
        const isHeld = holdLastByte !== undefined && isLast && chunk.length > 0;
        await this.#write(isHeld ? chunk.subarray(0, -1) : chunk);
        sentSize += chunk.length;
        progress(sentSize);
        if (!isHeld) continue;
        await this.#race(holdLastByte());
        progress(sentSize);
        await this.#write(chunk.subarray(-1));
      }
    }
    if (!this.#hasAnswer) this.#outgoing.end();
  }

  /** Resolves when the kernel has taken the bytes, or when an answer came before. */
  async #write(chunk: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#outgoing.write(chunk, (error) => (error ? reject(error) : resolve()));
    await this.#race(Promise.race([promise, this.#answer.then(() => {})]));
  }

  async #receive(incoming: IncomingMessage): Promise<Uint8Array> {
    const { answerSizeMax, method } = this.#request;
    const length = contentLength(incoming);
    const size = method === "HEAD" ? 0 : length;
    if (size !== undefined && size > answerSizeMax) throw tooLargeError(size, answerSizeMax);
    const progress = this.#progress("received");
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const collector = new Collector(size, answerSizeMax);
    incoming.on("data", (chunk: Uint8Array) => {
      try {
        progress(collector.add(chunk));
      } catch (error) {
        reject(error as Error);
      }
    });
    const text = size === undefined ? "" : ` of ${size}`;
    const fail = (cause?: Error): void =>
      reject(new CutError(`the answer was cut after ${collector.size}${text} bytes`, { cause }));
    incoming.once("error", fail);
    incoming.once("end", () => {
      if (incoming.complete && collector.isWhole) resolve(collector.bytes());
      else fail();
    });
    incoming.once("close", () => fail());
    progress(0);
    // An error of the connection comes through `incoming`; a time-out comes through both, and first here.
    return Promise.race([promise, this.#watchdog.expired]);
  }

  /** To be told of every byte count reached: puts the deadline off, but not beyond what the least rate allows. */
  #progress(verb: "sent" | "received"): (size: number) => void {
    const { idleMs, bytesPerSecondMin } = this.#limits;
    const startedMs = this.#watchdog.nowMs();
    return (size) => {
      const spentMs = this.#watchdog.nowMs() - startedMs;
      const allowedMs = GRACE_FACTOR * idleMs + (size / bytesPerSecondMin) * 1000 - spentMs;
      this.#watchdog.arm(
        Math.max(0, Math.min(idleMs, allowedMs)),
        allowedMs < idleMs
          ? `only ${size} bytes were ${verb} in ${Math.round(spentMs / 1000)} s`
          : `nothing was ${verb} for ${idleMs} ms, after ${size} bytes`,
      );
    };
  }
}

/** The bytes of a body; one buffer when the size is known. */
class Collector {
  readonly #buffer: Uint8Array | undefined;
  readonly #chunks: Uint8Array[] = [];
  readonly #sizeMax: number;
  size = 0;

  constructor(size: number | undefined, sizeMax: number) {
    this.#buffer = size === undefined ? undefined : new Uint8Array(size);
    this.#sizeMax = size ?? sizeMax;
  }

  get isWhole(): boolean {
    return this.#buffer === undefined || this.size === this.#buffer.length;
  }

  add(chunk: Uint8Array): number {
    if (this.size + chunk.length > this.#sizeMax) {
      throw tooLargeError(this.size + chunk.length, this.#sizeMax);
    }
    if (this.#buffer === undefined) this.#chunks.push(chunk);
    else this.#buffer.set(chunk, this.size);
    this.size += chunk.length;
    return this.size;
  }

  bytes(): Uint8Array {
    return this.#buffer ?? new Uint8Array(Buffer.concat(this.#chunks));
  }
}

/** A connection that ended too early. */
class CutError extends Error {}

function expectsContinue(request: HttpRequest): boolean {
  return request.holdLastByte === undefined && (request.body?.size ?? 0) >= CONTINUE_SIZE_MIN;
}

function contentLength(incoming: IncomingMessage): number | undefined {
  const text = incoming.headers["content-length"];
  if (text === undefined) return undefined;
  const size = Number(text);
  if (!Number.isSafeInteger(size) || size < 0) throw new CutError(`a Content-Length of ${text}`);
  return size;
}

function tooLargeError(size: number, sizeMax: number): ObjectStoreError {
  return new ObjectStoreError(
    "EFBIG",
    `the answer has ${size} bytes, ${sizeMax} are the most that may come here`,
    { retryable: false },
  );
}

/** What another server or a name server is to blame for may be over soon; what a certificate says will stay. */
function toTransportError(error: unknown): unknown {
  if (error instanceof FsError) return error;
  if (error instanceof CutError) {
    return new ObjectStoreError("EIO", error.message, { cause: error, retryable: true });
  }
  const code = systemErrorCode(error);
  if (code === undefined || code.startsWith("ERR_INVALID")) return error;
  const text = errorMessage(error);
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO|EPROTO/u.test(code)) {
    const message = `no trusted TLS connection (${code}): ${text}`;
    return new ObjectStoreError("EPROTO", message, { cause: error, retryable: false });
  }
  if (code.startsWith("HPE_")) {
    const message = `the answer is no HTTP (${code}): is this the address of an object store?`;
    return new ObjectStoreError("EPROTO", message, { cause: error, retryable: true });
  }
  const known: Readonly<Record<string, readonly [ErrorCode, string]>> = {
    ECONNREFUSED: ["ECONNREFUSED", "nothing listens there"],
    ECONNRESET: ["EIO", "the connection was reset"],
    EPIPE: ["EIO", "the connection was reset"],
    ENOTFOUND: ["ENOTCONN", "the name of the host is not known"],
    EAI_AGAIN: ["ENOTCONN", "the name server does not answer"],
    ETIMEDOUT: ["ETIMEDOUT", "the connection timed out"],
    EHOSTUNREACH: ["ENOTCONN", "no way to the host"],
    ENETUNREACH: ["ENOTCONN", "no way to the network"],
  };
  const [ours, what] = known[code] ?? ["EIO", text];
  return new ObjectStoreError(ours, `${what} (${code})`, { cause: error, retryable: true });
}
