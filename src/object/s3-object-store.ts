/**
 * A bucket as a store: Amazon S3 and what speaks its language (R2, MinIO, Tigris, Ceph, versitygw).
 *
 * What always holds:
 * - A create is a PUT with If-None-Match: *, a swap one with If-Match. Before the first of them it is shown, once for
 *   each store that is opened, that such writes have one winner when they race (s3/conditional-write-probe.ts); a store that
 *   fails is refused for writing (EOPNOTSUPP), and can be read.
 * - 412 is a refusal. 409 is a conflict with another request, and is settled by looking: what is there now refuses, and
 *   nothing there is unknown (rule S2), which is an error that may be retried.
 * - "Not there" is believed only when the store says NoSuchKey. No bucket, no permission or a page of some proxy is an
 *   error (invariant 9).
 * - Payloads are signed, and a CRC-32 goes along, which the store keeps and gives back with a whole object; lengths and
 *   ranges are compared with what was asked for. A body that is short or damaged is an error.
 * - One request writes an object of any size up to 5 GiB. Multipart is not used: packs have 16 MiB, a condition on one
 *   PUT is the most widely kept one, and nothing half done is left behind to pay for.
 * - A proxy on the way may send a PUT twice, HTTP allows it. The second is refused by the first: whoever is refused
 *   compares what is there with what it wrote, as the rules C4 and K3 have it.
 * Source: Amazon S3 API reference; "Conditional requests" in the user guide.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { openLocalFile } from "./local-file.ts";
import {
  checkKey,
  checkPrefix,
  checkRange,
  compareKeys,
  directoryOf,
  nestedKeyError,
  pageLimit,
} from "./object-key.ts";
import {
  ObjectStoreError,
  type CallOptions,
  type CreateOutcome,
  type ListOptions,
  type ListPage,
  type ObjectInfo,
  type ObjectStore,
  type RangeOptions,
  type StoreCapabilities,
  type SwapOutcome,
} from "./object-store.ts";
import {
  probeConditionalWrites,
  type ProbeTarget,
  type ProbeVerdict,
} from "./s3/conditional-write-probe.ts";
import { HttpExchanger, type HttpAnswer, type HttpLimits } from "./s3/http-exchange.ts";
import { couldBeginKey, prefixedKeys, type PrefixedKeys } from "./s3/prefixed-keys.ts";
import { bodyOfBytes, bodyOfFile, crc32Base64, type ObjectBody } from "./s3/object-body.ts";
import { RequestWindow } from "./s3/request-window.ts";
import {
  deleteRequestBody,
  parseDeleteAnswer,
  parseListAnswer,
  plainTag,
  wholeSeconds,
} from "./s3/s3-answers.ts";
import { S3Client } from "./s3/s3-client.ts";
import type { CredentialSource } from "./s3/s3-credentials.ts";
import { faultOf, isNestingFault } from "./s3/s3-fault.ts";
import { s3Url } from "./s3/s3-location.ts";
import type { S3Settings } from "./s3/s3-settings.ts";

/** What one PUT may carry. */
const PUT_SIZE_MAX: number = 5 * 1024 ** 3;
/** What `get` may bring into memory; what is larger is read by ranges. */
const GET_SIZE_MAX: number = 1024 ** 3;
/** 1,000 keys of 1,024 bytes, each three times as long when encoded, and what stands around them. */
const LIST_SIZE_MAX: number = 8 * 1024 * 1024;
/** Keys in one DeleteObjects. */
const DELETE_COUNT_MAX = 1000;
/** Deletes at a time where a store has no DeleteObjects. */
const DELETE_PARALLEL_COUNT = 16;
/** Of an object that comes and goes while it is looked at. */
const HEAD_ATTEMPT_COUNT_MAX = 3;
/** Pages in a row that hold nothing of ours. */
const EMPTY_PAGE_COUNT_MAX = 1000;
/** What may stand in an If-Match header between quotes. No store gives a tag that may not. */
const TAG = /^[\u0021\u0023-\u007e]+$/u;

export interface S3ObjectStoreOptions {
  readonly settings: S3Settings;
  readonly credentials: CredentialSource;
  readonly clock: Clock;
  readonly limits?: HttpLimits;
  /** Certificates in PEM to trust instead of Node's own. */
  readonly ca?: string | undefined;
  /** The store has been shown to be exact already: the first write shows it no more. False when left out. */
  readonly isKnownExact?: boolean;
}

export class S3ObjectStore implements ObjectStore, AsyncDisposable {
  readonly url: string;
  readonly capabilities: StoreCapabilities = { createIfAbsent: true, compareAndSwap: true };
  readonly #clock: Clock;
  readonly #client: S3Client;
  readonly #keys: PrefixedKeys;
  #verdict: Promise<ProbeVerdict> | undefined;
  #hasDeleteObjects = true;
  #closed = false;

  constructor(options: S3ObjectStoreOptions) {
    const { settings, clock } = options;
    this.url = s3Url(settings);
    this.#clock = clock;
    this.#keys = prefixedKeys(settings.prefix);
    if (options.isKnownExact === true) this.#verdict = Promise.resolve({ isExact: true });
    this.#client = new S3Client({
      settings,
      credentials: options.credentials,
      clock,
      exchanger: new HttpExchanger({
        clock,
        ca: options.ca,
        ...(options.limits === undefined ? {} : { limits: options.limits }),
      }),
      window: new RequestWindow(clock),
    });
  }

  async create(key: string, body: Uint8Array, options?: CallOptions): Promise<CreateOutcome> {
    checkKey(key);
    const signal = this.#begin(options);
    await this.#checkWritable(signal);
    return this.#create(key, await bodyOfBytes(body), signal);
  }

  async createFromFile(key: string, path: string, options?: CallOptions): Promise<CreateOutcome> {
    checkKey(key);
    const signal = this.#begin(options);
    await using file = await openLocalFile(path);
    await this.#checkWritable(signal);
    return await this.#create(key, await bodyOfFile(file), signal);
  }

  async swap(
    key: string,
    tag: string,
    body: Uint8Array,
    options?: CallOptions,
  ): Promise<SwapOutcome> {
    checkKey(key);
    const signal = this.#begin(options);
    if (!TAG.test(tag)) return { swapped: false };
    await this.#checkWritable(signal);
    const answer = await this.#put({ key, tag, body: await bodyOfBytes(body), signal });
    if (answer.status === 200) return { swapped: true, tag: tagOf(answer) };
    if (answer.status !== 409) return { swapped: false };
    const present = await this.#head(key, signal);
    if (present === undefined || present.tag === tag) throw this.#unknownError(`swap ${key}`);
    return { swapped: false };
  }

  async get(
    key: string,
    options?: CallOptions,
  ): Promise<{ body: Uint8Array; tag: string } | undefined> {
    checkKey(key);
    const signal = this.#begin(options);
    const answer = await this.#client.send(
      {
        what: `get ${key}`,
        method: "GET",
        key: this.#keys.full(key),
        headers: { "x-amz-checksum-mode": "ENABLED" },
        statuses: [200, 404],
        answerSizeMax: GET_SIZE_MAX,
      },
      signal,
    );
    if (answer.status === 404) return undefined;
    this.#checkSum(key, answer);
    return { body: answer.body, tag: tagOf(answer) };
  }

  async getRange(key: string, options: RangeOptions): Promise<Uint8Array | undefined> {
    checkKey(key);
    checkRange(options);
    const signal = this.#begin(options);
    const { offset, length } = options;
    if (length === 0) {
      const present = await this.#head(key, signal);
      return present === undefined ? undefined : new Uint8Array(0);
    }
    const last = Math.min(offset + length - 1, Number.MAX_SAFE_INTEGER);
    const what = `get ${length} bytes at ${offset} of ${key}`;
    const answer = await this.#client.send(
      {
        what,
        method: "GET",
        key: this.#keys.full(key),
        headers: { range: `bytes=${offset}-${last}` },
        statuses: [200, 206, 404, 416],
        answerSizeMax: Math.min(length, GET_SIZE_MAX),
      },
      signal,
    );
    if (answer.status === 404) return undefined;
    if (answer.status === 416) return new Uint8Array(0);
    // A store that knows no ranges gives the whole, if it is no larger than the range.
    if (answer.status === 200) return answer.body.slice(offset, offset + length);
    const problem = faultOfRange(answer, { offset, length });
    if (problem !== undefined) throw this.#damagedError(what, problem);
    return answer.body;
  }

  async head(key: string, options?: CallOptions): Promise<ObjectInfo | undefined> {
    checkKey(key);
    return this.#head(key, this.#begin(options));
  }

  async list(options: ListOptions): Promise<ListPage> {
    const { prefix } = options;
    checkPrefix(prefix);
    const limit = pageLimit(options.limit);
    const signal = this.#begin(options);
    if (!couldBeginKey(prefix)) return { objects: [], truncated: false };
    let startAfter = options.startAfter === undefined ? "" : this.#keys.full(options.startAfter);
    for (let page = 0; page < EMPTY_PAGE_COUNT_MAX; page++) {
      const found = await this.#listOnce({ prefix, startAfter, limit }, signal);
      if (found.objects.length > 0 || !found.truncated) {
        return { objects: found.objects, truncated: found.truncated };
      }
      if (found.last === undefined) break;
      startAfter = found.last;
    }
    throw this.#damagedError(`list ${prefix}`, "page after page comes, and none holds a key");
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    checkKey(key);
    const signal = this.#begin(options);
    await this.#client.send(
      {
        what: `delete ${key}`,
        method: "DELETE",
        key: this.#keys.full(key),
        statuses: [200, 204, 404],
      },
      signal,
    );
  }

  async deleteMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    for (const key of keys) checkKey(key);
    const signal = this.#begin(options);
    for (let at = 0; at < keys.length; at += DELETE_COUNT_MAX) {
      await this.#deleteSome(keys.slice(at, at + DELETE_COUNT_MAX), signal);
    }
  }

  /** Whether conditional writes are exact: sought once. An error is no verdict, and the next call seeks again. */
  async probe(): Promise<ProbeVerdict> {
    const seeking = (this.#verdict ??= probeConditionalWrites(this.#probeTarget(), this.#clock));
    try {
      return await seeking;
    } catch (error) {
      if (this.#verdict === seeking) this.#verdict = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#client[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #begin(options: CallOptions | undefined): AbortSignal | undefined {
    options?.signal?.throwIfAborted();
    if (this.#closed) throw new FsError("EBADF", `the store ${this.url} is closed`);
    return options?.signal;
  }

  async #create(
    key: string,
    body: ObjectBody,
    signal: AbortSignal | undefined,
  ): Promise<CreateOutcome> {
    const answer = await this.#put({ key, tag: undefined, body, signal });
    if (answer.status === 200) return { created: true, tag: tagOf(answer), ...storeTimeOf(answer) };
    if (answer.status === 412) return { created: false };
    if ((await this.#head(key, signal)) !== undefined) return { created: false };
    const other = isNestingFault(faultOf(answer)) ? await this.#nesting(key, signal) : undefined;
    throw other === undefined ? this.#unknownError(`create ${key}`) : nestedKeyError(key, other);
  }

  /** A key that would be a folder of `key`, or has `key` for one. */
  async #nesting(key: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const query = { prefix: `${key}/`, startAfter: "", limit: 1 };
    const [below] = (await this.#listOnce(query, signal)).objects;
    if (below !== undefined) return below.key;
    for (let above = directoryOf(key); above !== ""; above = directoryOf(above)) {
      if ((await this.#head(above, signal)) !== undefined) return above;
    }
    return undefined;
  }

  /** Answers 200, 412 or 409; 404 too when there is a tag. */
  async #put(put: {
    readonly key: string;
    readonly tag: string | undefined;
    readonly body: ObjectBody;
    readonly signal?: AbortSignal | undefined;
    readonly hold?: (() => Promise<void>) | undefined;
  }): Promise<HttpAnswer> {
    const { key, tag, body } = put;
    const what = `${tag === undefined ? "create" : "swap"} ${key}`;
    if (body.size > PUT_SIZE_MAX) {
      throw new FsError(
        "EFBIG",
        `cannot ${what}: ${body.size} bytes; ${PUT_SIZE_MAX} are the most`,
      );
    }
    const answer = await this.#client.send(
      {
        what,
        method: "PUT",
        key: this.#keys.full(key),
        headers: tag === undefined ? { "if-none-match": "*" } : { "if-match": `"${tag}"` },
        body,
        statuses: tag === undefined ? [200, 409, 412] : [200, 404, 409, 412],
        ...(put.hold === undefined ? {} : { holdLastByte: put.hold }),
      },
      put.signal,
    );
    const stored = answer.headers["x-amz-checksum-crc32"];
    if (answer.status === 200 && stored !== undefined && stored !== body.crc32) {
      throw this.#damagedError(what, `the store has the checksum ${String(stored)} for it`);
    }
    return answer;
  }

  /** A HEAD has no body to say why: what it does not find, a GET of one byte asks about. */
  async #head(key: string, signal: AbortSignal | undefined): Promise<ObjectInfo | undefined> {
    const full = this.#keys.full(key);
    for (let attempt = 0; attempt < HEAD_ATTEMPT_COUNT_MAX; attempt++) {
      const what = `head ${key}`;
      const statuses = [200, 301, 307, 400, 403, 404];
      const answer = await this.#client.send({ what, method: "HEAD", key: full, statuses }, signal);
      if (answer.status === 200) return { key, ...this.#infoOf(what, answer) };
      const headers = { range: "bytes=0-0" };
      const reason = await this.#client.send(
        { what, method: "GET", key: full, headers, statuses: [200, 206, 404, 416] },
        signal,
      );
      if (reason.status === 404) return undefined;
    }
    throw this.#unknownError(`head ${key}`);
  }

  #infoOf(what: string, answer: HttpAnswer): Omit<ObjectInfo, "key"> {
    const size = Number(answer.headers["content-length"]);
    const modifiedMs = Date.parse(answer.headers["last-modified"] ?? "");
    if (!Number.isSafeInteger(size) || Number.isNaN(modifiedMs)) {
      throw this.#damagedError(what, "the answer tells no size or no time");
    }
    return { size, tag: tagOf(answer), modifiedMs: wholeSeconds(modifiedMs) };
  }

  /** `startAfter` and `last` are whole keys of the bucket. */
  async #listOnce(
    query: { readonly prefix: string; readonly startAfter: string; readonly limit: number },
    signal: AbortSignal | undefined,
  ): Promise<ListPage & { readonly last: string | undefined }> {
    const what = `list ${query.prefix}`;
    const answer = await this.#client.send(
      {
        what,
        method: "GET",
        query: {
          "list-type": "2",
          "encoding-type": "url",
          "max-keys": String(query.limit),
          prefix: this.#keys.full(query.prefix),
          ...(query.startAfter === "" ? {} : { "start-after": query.startAfter }),
        },
        statuses: [200],
        answerSizeMax: LIST_SIZE_MAX,
      },
      signal,
    );
    const found = parseListAnswer(answer.body);
    const objects: ObjectInfo[] = [];
    let last: string | undefined;
    for (const listed of found.objects) {
      const key = this.#keys.own(listed.key);
      if (key === undefined || !key.startsWith(query.prefix)) {
        throw this.#damagedError(what, `the key ${JSON.stringify(listed.key)} was not asked for`);
      }
      if (compareKeys(listed.key, last ?? query.startAfter) <= 0) {
        throw this.#damagedError(
          what,
          `the keys are out of order at ${JSON.stringify(listed.key)}`,
        );
      }
      last = listed.key;
      if (isOurs(key)) objects.push({ ...listed, key });
    }
    return { objects, truncated: found.truncated, last };
  }

  async #deleteSome(keys: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const full = keys.map((key) => this.#keys.full(key));
    const bytes = keys.length > 1 && this.#hasDeleteObjects ? deleteRequestBody(full) : undefined;
    if (bytes === undefined) return this.#deleteEach(keys, signal);
    const what = `delete ${keys.length} keys from ${keys[0]} on`;
    const answer = await this.#client.send(
      {
        what,
        method: "POST",
        query: { delete: "" },
        headers: {
          "content-type": "application/xml",
          "content-md5": createHash("md5").update(bytes).digest("base64"),
        },
        body: await bodyOfBytes(bytes),
        statuses: [200, 405, 501],
        answerSizeMax: LIST_SIZE_MAX,
      },
      signal,
    );
    if (answer.status !== 200) {
      this.#hasDeleteObjects = false;
      return this.#deleteEach(keys, signal);
    }
    // What the store could not delete in one go is asked for alone: the answer then says why.
    const failed = parseDeleteAnswer(answer.body).filter(({ code }) => code !== "NoSuchKey");
    const asked = new Set(full);
    const again = failed.map(({ key }) => {
      if (!asked.has(key)) throw this.#damagedError(what, `it tells of ${JSON.stringify(key)}`);
      return this.#keys.own(key)!;
    });
    await this.#deleteEach(again, signal);
  }

  async #deleteEach(keys: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    for (let at = 0; at < keys.length; at += DELETE_PARALLEL_COUNT) {
      const some = keys.slice(at, at + DELETE_PARALLEL_COUNT);
      await Promise.all(
        some.map((key) => this.delete(key, signal === undefined ? {} : { signal })),
      );
    }
  }

  #checkSum(key: string, answer: HttpAnswer): void {
    const stored = answer.headers["x-amz-checksum-crc32"];
    const isOfWhole = answer.headers["x-amz-checksum-type"] !== "COMPOSITE";
    if (stored === undefined || !isOfWhole || String(stored).includes("-")) return;
    const received = crc32Base64(answer.body);
    if (received === stored) return;
    throw this.#damagedError(
      `get ${key}`,
      `the bytes have the checksum ${received}, the store says ${String(stored)}`,
    );
  }

  async #checkWritable(signal: AbortSignal | undefined): Promise<void> {
    const verdict = await this.probe();
    signal?.throwIfAborted();
    if (verdict.isExact) return;
    throw new ObjectStoreError(
      "EOPNOTSUPP",
      `${this.#client.where("nothing may be written")}: its conditional writes are not exact (${verdict.reason}), and two writers could overwrite each other; reading is possible`,
      { retryable: false },
    );
  }

  #probeTarget(): ProbeTarget {
    return {
      put: async (key, { tag, body, hold }) => {
        const answer = await this.#put({ key, tag, body: await bodyOfBytes(body), hold });
        return answer.status === 200
          ? { isWritten: true, tag: tagOf(answer) }
          : { isWritten: false };
      },
      get: (key) => this.get(key),
      delete: (key) => this.delete(key),
    };
  }

  #unknownError(what: string): ObjectStoreError {
    return new ObjectStoreError(
      "EAGAIN",
      `cannot ${this.#client.where(what)}: the store refuses it and then shows nothing that forbids it`,
      { retryable: true },
    );
  }

  #damagedError(what: string, problem: string): ObjectStoreError {
    return new ObjectStoreError("EIO", `cannot ${this.#client.where(what)}: ${problem}`, {
      retryable: true,
    });
  }
}

/** The store's own clock, where it tells (rule C2). Source: RFC 9110 section 6.6.1. */
function storeTimeOf({ headers }: HttpAnswer): { readonly storeMs?: number } {
  const storeMs = Date.parse(headers["date"] ?? "");
  return Number.isNaN(storeMs) ? {} : { storeMs };
}

function tagOf(answer: HttpAnswer): string {
  const etag = answer.headers.etag;
  if (etag === undefined || etag === "") {
    throw new ObjectStoreError("EPROTO", "the store answers without an ETag", { retryable: false });
  }
  return plainTag(etag);
}

/** What is wrong with a 206; undefined when it is the range that was asked for, cut short at the end at most. */
function faultOfRange(
  answer: HttpAnswer,
  asked: { readonly offset: number; readonly length: number },
): string | undefined {
  const text = answer.headers["content-range"] ?? "";
  const parts = /^bytes (\d+)-(\d+)\/(\d+|\*)$/u.exec(text);
  if (parts === null) return `no range in its answer, but ${JSON.stringify(text)}`;
  const [first, last] = [Number(parts[1]), Number(parts[2])];
  const size = parts[3] === "*" ? Number.POSITIVE_INFINITY : Number(parts[3]);
  const length = Math.min(asked.length, size - asked.offset);
  if (first !== asked.offset || last - first + 1 !== length || answer.body.length !== length) {
    return `${answer.body.length} bytes came as ${JSON.stringify(text)}`;
  }
  return undefined;
}

/** Other tools leave keys that no store here may have ("folder/"): they are passed over. */
function isOurs(key: string): boolean {
  try {
    checkKey(key);
    return true;
  } catch (error) {
    if (error instanceof FsError) return false;
    throw error;
  }
}
