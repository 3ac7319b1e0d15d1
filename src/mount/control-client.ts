/** Speaks with a mount over its control socket: what the CLI uses. */
import { connect, type Socket } from "node:net";
import { FsError } from "../core/fs-error.ts";
import { fromControlError, LineSplitter, parseReply } from "./control-message.ts";
import { socketAddress } from "./control-socket.ts";
import { hasCode, wrapSystemError } from "../core/system-error.ts";

export interface CallOptions {
  readonly params?: unknown;
  /** Called for what comes ahead of the answer. */
  readonly onEvent?: (event: unknown) => void;
  readonly signal?: AbortSignal;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onEvent: ((event: unknown) => void) | undefined;
}

export class ControlClient {
  readonly #socket: Socket;
  readonly #waiting: Map<number, Waiting> = new Map();
  readonly #splitter = new LineSplitter();
  #lastId = 0;
  #closed: FsError | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#receive(text));
    // A reset is a close that met a request on its way.
    for (const event of ["error", "close"])
      socket.on(event, (cause?: unknown) =>
        this.#end(
          new FsError("EPIPE", "the mount closed its control socket before it answered", { cause }),
        ),
      );
  }

  /** Throws ENOTCONN when nobody listens there. */
  static async connect(path: string): Promise<ControlClient> {
    using address = socketAddress(path);
    const { promise, resolve, reject } = Promise.withResolvers<ControlClient>();
    try {
      const socket = connect(address.path);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new ControlClient(socket));
      });
      return await promise;
    } catch (error) {
      if (hasCode(error, "ENOENT", "ECONNREFUSED"))
        throw new FsError("ENOTCONN", `no mount listens on ${path}`, { cause: error });
      throw wrapSystemError(error, `connecting to ${path}`);
    }
  }

  /** Throws what the mount answers, EPIPE when it ends before it did, the signal's reason when aborted. */
  call(method: string, options: CallOptions = {}): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const { signal } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const onAbort = (): void => {
      this.#waiting.delete(id);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#waiting.set(id, { resolve, reject, onEvent: options.onEvent });
    this.#socket.write(`${JSON.stringify({ id, method, params: options.params ?? null })}\n`);
    return promise.finally(() => signal?.removeEventListener("abort", onAbort));
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    try {
      for (const line of this.#splitter.push(text)) {
        const reply = parseReply(line);
        const waiting = this.#waiting.get(reply.id);
        if ("event" in reply) {
          waiting?.onEvent?.(reply.event);
          continue;
        }
        if (reply.id === -1 && "error" in reply) throw fromControlError(reply.error);
        this.#waiting.delete(reply.id);
        if ("error" in reply) waiting?.reject(fromControlError(reply.error));
        else waiting?.resolve(reply.result);
      }
    } catch (error) {
      this.#end(wrapSystemError(error, "the control socket"));
    }
  }

  #end(error: FsError): void {
    this.#closed ??= error;
    this.#socket.destroy();
    for (const waiting of this.#waiting.values()) waiting.reject(this.#closed);
    this.#waiting.clear();
  }
}
