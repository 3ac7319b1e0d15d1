/**
 * Signed requests to one bucket, and the corrections that a first refusal asks for: the region, the clock, the
 * credentials, each at most once a request. Everything else that a store refuses is an error with its words (s3-fault.ts).
 *
 * Every payload is signed. The time of a signature is that of the clock passed in, put right by the store's own Date
 * when that is far off. Redirects are followed only to another region of AWS; anything else could send data elsewhere.
 * Source: AWS Signature Version 4 (by the package aws4).
 */
import aws4 from "aws4";
import type { Clock } from "../../core/clock.ts";
import { ObjectStoreError } from "../object-store.ts";
import type { HttpAnswer, HttpExchanger } from "./http-exchange.ts";
import type { ObjectBody } from "./object-body.ts";
import type { RequestWindow } from "./request-window.ts";
import { addressOf } from "./s3-address.ts";
import type { CredentialSource, S3Credentials } from "./s3-credentials.ts";
import { asksForLess, faultError, faultOf, type S3Fault } from "./s3-fault.ts";
import { s3Url } from "./s3-location.ts";
import { inRegion, needsConsistentHeader, type S3Settings } from "./s3-settings.ts";

/** Amazon S3 allows 15 minutes; nearer than this, the clock is not what was refused. */
const SKEW_MIN_MS: number = 2 * 60_000;
/** Answers that tell what went wrong are small. */
const FAULT_SIZE_MAX: number = 64 * 1024;
const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export interface S3Request {
  /** For messages: "create a/b". */
  readonly what: string;
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** With the volume's prefix; none for a request about the bucket. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ObjectBody;
  /** Answers that are no errors. 404 is one only when it says NoSuchKey, or has no body to say so in (HEAD). */
  readonly statuses: readonly number[];
  /** Bytes of an answer at most; errors may have a little in any case. */
  readonly answerSizeMax?: number;
  /** See HttpRequest; such a request passes by the window, as it waits for others of its kind. */
  readonly holdLastByte?: () => Promise<void>;
}

/** What one request was last sent with, and what has been put right for it already. */
interface Progress {
  region: string;
  skewMs: number;
  isRegionPut: boolean;
  isClockPut: boolean;
  areCredentialsPut: boolean;
}

export class S3Client implements Disposable {
  readonly #clock: Clock;
  readonly #exchanger: HttpExchanger;
  readonly #credentials: CredentialSource;
  readonly #window: RequestWindow;
  #settings: S3Settings;
  #skewMs = 0;

  constructor(options: {
    readonly settings: S3Settings;
    readonly credentials: CredentialSource;
    readonly exchanger: HttpExchanger;
    readonly window: RequestWindow;
    readonly clock: Clock;
  }) {
    this.#settings = options.settings;
    this.#credentials = options.credentials;
    this.#exchanger = options.exchanger;
    this.#window = options.window;
    this.#clock = options.clock;
  }

  /** An answer with one of `request.statuses`. Throws an ObjectStoreError for any other, and for none. */
  async send(request: S3Request, signal?: AbortSignal): Promise<HttpAnswer> {
    const progress: Progress = {
      region: this.#settings.region,
      skewMs: this.#skewMs,
      isRegionPut: false,
      isClockPut: false,
      areCredentialsPut: false,
    };
    for (;;) {
      const credentials = await this.#credentialsFor(request);
      signal?.throwIfAborted();
      progress.region = this.#settings.region;
      progress.skewMs = this.#skewMs;
      const answer = await this.#exchange(request, credentials, signal);
      const fault = answer.status < 300 ? undefined : faultOf(answer);
      if (isExpected(request, answer, fault)) {
        this.#window.succeed();
        return answer;
      }
      const found = fault ?? faultOf(answer);
      if (asksForLess(found)) this.#window.slowDown();
      if (await this.#corrects(found, answer, progress)) continue;
      throw faultError(found, this.where(request.what));
    }
  }

  /** "create a/b in s3://bucket/prefix at https://host", for messages. */
  where(what: string): string {
    return `${what} in ${s3Url(this.#settings)} at ${this.#settings.endpoint.origin}`;
  }

  [Symbol.dispose](): void {
    this.#exchanger.close();
  }

  async #credentialsFor(request: S3Request): Promise<S3Credentials> {
    try {
      return await this.#credentials.get();
    } catch (error) {
      throw this.#named(request, error);
    }
  }

  async #exchange(
    request: S3Request,
    credentials: S3Credentials,
    signal: AbortSignal | undefined,
  ): Promise<HttpAnswer> {
    const work = (): Promise<HttpAnswer> => {
      const { origin, host, path } = addressOf(this.#settings, request);
      const signed = this.#sign({ request, credentials, host, path });
      return this.#exchanger.exchange(
        {
          method: request.method,
          origin,
          path: signed.path,
          headers: signed.headers,
          body: request.body,
          answerSizeMax: Math.max(FAULT_SIZE_MAX, request.answerSizeMax ?? 0),
          holdLastByte: request.holdLastByte,
        },
        signal,
      );
    };
    try {
      return request.holdLastByte === undefined
        ? await this.#window.run(work, signal)
        : await work();
    } catch (error) {
      throw this.#named(request, error);
    }
  }

  #sign(options: {
    readonly request: S3Request;
    readonly credentials: S3Credentials;
    readonly host: string;
    readonly path: string;
  }): { readonly path: string; readonly headers: Readonly<Record<string, string>> } {
    const { request, credentials, host, path } = options;
    const body = request.body;
    const headers: Record<string, string> = {
      "accept-encoding": "identity",
      ...request.headers,
      "x-amz-content-sha256": body?.sha256 ?? EMPTY_SHA256,
      "x-amz-date": amzDate(this.#clock.nowMs() + this.#skewMs),
    };
    if (body !== undefined) headers["x-amz-checksum-crc32"] = body.crc32;
    if (needsConsistentHeader(this.#settings)) headers["x-tigris-consistent"] = "true";
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    const signed = aws4.sign(
      { method: request.method, host, path, headers, service: "s3", region: this.#settings.region },
      {
        accessKeyId,
        secretAccessKey,
        ...(sessionToken === undefined ? {} : { sessionToken }),
      },
    );
    return { path: signed.path ?? path, headers: signed.headers as Record<string, string> };
  }

  /**
   * True when what explains the refusal is put right now, by this or by another request: worth another try at once.
   */
  async #corrects(fault: S3Fault, answer: HttpAnswer, progress: Progress): Promise<boolean> {
    if (!progress.isRegionPut && this.#putsRegion(fault, progress)) {
      progress.isRegionPut = true;
      return true;
    }
    if (!progress.isClockPut && this.#putsClock(fault, answer, progress)) {
      progress.isClockPut = true;
      return true;
    }
    const isExpired = fault.code === "ExpiredToken" || fault.code === "InvalidToken";
    if (!isExpired || progress.areCredentialsPut) return false;
    progress.areCredentialsPut = true;
    return this.#credentials.renew();
  }

  #putsRegion(fault: S3Fault, progress: Progress): boolean {
    const { region } = fault;
    const isElsewhere =
      fault.code === "AuthorizationHeaderMalformed" ||
      fault.code === "IllegalLocationConstraintException" ||
      (fault.status >= 300 && fault.status < 400);
    if (!isElsewhere || region === undefined || !/^[a-z0-9-]{1,40}$/u.test(region)) return false;
    if (region === progress.region) return false;
    this.#settings = inRegion(this.#settings, region);
    return true;
  }

  #putsClock(fault: S3Fault, answer: HttpAnswer, progress: Progress): boolean {
    if (fault.status !== 403 || answer.headers.date === undefined) return false;
    const skewMs = Date.parse(answer.headers.date) - this.#clock.nowMs();
    if (!(Math.abs(skewMs - progress.skewMs) > SKEW_MIN_MS)) return false;
    this.#skewMs = skewMs;
    return true;
  }

  /** Says what was asked and where; an abort's reason and our own bugs stay as they are. */
  #named(request: S3Request, error: unknown): unknown {
    if (!(error instanceof ObjectStoreError)) return error;
    const message = `cannot ${this.where(request.what)}: ${error.message}`;
    return new ObjectStoreError(error.code, message, { cause: error, retryable: error.retryable });
  }
}

function isExpected(request: S3Request, answer: HttpAnswer, fault: S3Fault | undefined): boolean {
  if (!request.statuses.includes(answer.status)) return false;
  if (answer.status !== 404 || request.method === "HEAD") return true;
  return fault?.code === "NoSuchKey";
}

/** 20260102T030405Z */
function amzDate(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[:-]|\.\d{3}/gu, "");
}
