/**
 * The port every store is driven through: create-if-absent, compare-and-swap by tag, ranged reads, an ordered list.
 *
 * Keys are UTF-8 without NUL, segments separated by "/", no empty, "." or ".." segment, at most 1,024 bytes and 255 a
 * segment; the first segment never begins with ".", which is kept for the store itself (`checkKey`, EINVAL).
 * A key never is a prefix segment of another (`a` and `a/b` do not both exist): some servers cannot hold both. A store
 * that notices refuses with EINVAL.
 * An answer to create, swap or delete, "it exists" included, is given when the state it tells of is durable. An error
 * leaves the outcome open: nothing, done, or done later. Bodies belong to the caller again once the call is answered.
 * Every call takes an AbortSignal through its options. What a store cannot do it declares in `capabilities`.
 */
import { FsError, type ErrorCode } from "../core/fs-error.ts";

export interface ObjectInfo {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
  /** Opaque; equal tags mean equal content of the same key. Content that comes back may bring its tag back. */
  readonly tag: string;
  /** When the content was written, by the store's clock; a linked file keeps its own time. */
  readonly modifiedMs: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface RangeOptions extends CallOptions {
  /** First byte wanted. */
  readonly offset: number;
  /** How many bytes; a range past the end is cut short. */
  readonly length: number;
}

export interface ListOptions extends CallOptions {
  readonly prefix: string;
  /** Only keys that sort (by UTF-8 bytes) after this one. */
  readonly startAfter?: string;
  /** At most so many keys in the answer, 1,000 if left out; the store may give fewer and say `truncated`. */
  readonly limit?: number;
}

export interface ListPage {
  readonly objects: readonly ObjectInfo[];
  /** True: call again with startAfter = the last key. Never true of an empty page. */
  readonly truncated: boolean;
}

export interface StoreCapabilities {
  readonly createIfAbsent: boolean;
  readonly compareAndSwap: boolean;
  /** A local directory whose packs may be hard-linked in and read directly (`file` stores). */
  readonly localRoot?: string;
}

export type CreateOutcome =
  | {
      readonly created: true;
      readonly tag: string;
      /** The store's own wall clock when it answered, in milliseconds since 1970, where it tells: the `Date` of HTTP. */
      readonly storeMs?: number;
    }
  /** The key exists; nothing was written. */
  | { readonly created: false };

export type SwapOutcome =
  | { readonly swapped: true; readonly tag: string }
  /** The tag is not the present one (or the key is gone); nothing was written. */
  | { readonly swapped: false };

export interface ObjectStore extends AsyncDisposable {
  /** For messages and logs: the URL without secrets. */
  readonly url: string;
  readonly capabilities: StoreCapabilities;
  create(key: string, body: Uint8Array, options?: CallOptions): Promise<CreateOutcome>;
  /** Creates `key` from a local file that never changes again; a `file` store links it where it can. */
  createFromFile(key: string, path: string, options?: CallOptions): Promise<CreateOutcome>;
  /** Replaces the content if `tag` is still the present one. */
  swap(key: string, tag: string, body: Uint8Array, options?: CallOptions): Promise<SwapOutcome>;
  /** undefined when there is no such key. */
  get(key: string, options?: CallOptions): Promise<{ body: Uint8Array; tag: string } | undefined>;
  /** The bytes of a range, none behind the end; undefined when there is no such key. */
  getRange(key: string, options: RangeOptions): Promise<Uint8Array | undefined>;
  head(key: string, options?: CallOptions): Promise<ObjectInfo | undefined>;
  /** Keys in the order of their UTF-8 bytes. A key that is there all the time is never left out, swapped or not. */
  list(options: ListOptions): Promise<ListPage>;
  /** Deleting what is not there succeeds. */
  delete(key: string, options?: CallOptions): Promise<void>;
  deleteMany(keys: readonly string[], options?: CallOptions): Promise<void>;
  close(): Promise<void>;
}

export class ObjectStoreError extends FsError {
  /** The same call may succeed later: time-outs, 5xx, throttling, resets. */
  readonly retryable: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { readonly retryable: boolean },
  ) {
    super(code, message, options);
    this.name = "ObjectStoreError";
    this.retryable = options.retryable;
  }
}
