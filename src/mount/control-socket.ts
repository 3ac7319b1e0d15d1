/**
 * The socket by which the CLI speaks with a mount.
 *
 * What always holds: only the user who mounts may connect (0600 in a 0700 directory); whoever makes the server holds
 * the state directory's lock, so a socket that is already there is a dead one's and is replaced. Every request is
 * answered once; a method that fails is answered with its error and disturbs nobody else.
 * The supervisor owns the server; should it die, the volume process makes one in its place.
 */
import { closeSync, openSync, unlinkSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { basename, dirname, join } from "node:path";
import { FsError } from "../core/fs-error.ts";
import type { Log } from "../core/log.ts";
import {
  LineSplitter,
  parseRequest,
  toControlError,
  type ControlReply,
  type ControlRequest,
} from "./control-message.ts";
import { hasCode, wrapSystemError } from "../core/system-error.ts";

/** sizeof(sun_path) less its NUL: a longer path is reached through its directory's descriptor. Source: unix(7). */
const SOCKET_PATH_SIZE_MAX = 107;
/** Clients at one time: a few shells and a monitor. */
const CONNECTION_COUNT_MAX = 64;
/** Requests of one client that may be in work. */
const REQUEST_COUNT_MAX = 256;

export interface ControlCall {
  readonly params: unknown;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** Sends something ahead of the answer. */
  readonly event: (value: unknown) => void;
}

export type ControlMethod = (call: ControlCall) => Promise<unknown>;

/** Answers a method's calls; `undefined`: there is no such method. */
export type ControlMethods = (method: string) => ControlMethod | undefined;

export class ControlSocket {
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();
  readonly #methods: ControlMethods;
  readonly #log: Log;
  /** Kept open as long as the server: closing it removes the name it was bound to. */
  #address: SocketAddress | undefined;

  private constructor(methods: ControlMethods, log: Log) {
    this.#methods = methods;
    this.#log = log;
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.maxConnections = CONNECTION_COUNT_MAX;
  }

  static async listen(path: string, methods: ControlMethods, log: Log): Promise<ControlSocket> {
    const control = new ControlSocket(methods, log);
    try {
      unlinkSync(path);
    } catch (error) {
      if (!hasCode(error, "ENOENT"))
        throw wrapSystemError(error, `removing the old socket ${path}`);
    }
    control.#address = socketAddress(path);
    try {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      control.#server.once("error", reject);
      // The name is bound within this call: the mask makes it 0600 from its first moment on.
      const mask = process.umask(0o177);
      try {
        control.#server.listen(control.#address.path, () => resolve());
      } finally {
        process.umask(mask);
      }
      await promise;
      control.#server.off("error", reject);
    } catch (error) {
      control.#address[Symbol.dispose]();
      throw wrapSystemError(error, `listening on ${path}`);
    }
    control.#server.on("error", (error) => log.warn("the control socket failed", { error }));
    return control;
  }

  /** Stops listening, removes the name and cuts every client. The lock must still be held. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
    this.#address?.[Symbol.dispose]();
    this.#address = undefined;
  }

  #serve(socket: Socket): void {
    const splitter = new LineSplitter();
    const gone = new AbortController();
    let working = 0;
    this.#sockets.add(socket);
    socket.setEncoding("utf8");
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      gone.abort(new FsError("ECANCELED", "the control client is gone"));
    });
    socket.on("data", (text: string) => {
      try {
        for (const line of splitter.push(text)) {
          const request = parseRequest(line);
          if (working >= REQUEST_COUNT_MAX)
            throw new FsError("EAGAIN", `more than ${REQUEST_COUNT_MAX} requests at once`);
          working++;
          void this.#answer(socket, request, gone.signal).finally(() => working--);
        }
      } catch (error) {
        this.#log.warn("a control client was cut", { error });
        socket.end(`${JSON.stringify({ id: -1, error: toControlError(error) })}\n`);
      }
    });
  }

  async #answer(socket: Socket, request: ControlRequest, signal: AbortSignal): Promise<void> {
    const { id, params } = request;
    const send = (reply: ControlReply): void => {
      if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`);
    };
    try {
      const method = this.#methods(request.method);
      if (method === undefined)
        throw new FsError("EOPNOTSUPP", `this mount has no method ${request.method}`);
      const result = await method({ params, signal, event: (event) => send({ id, event }) });
      send({ id, result: result ?? null });
    } catch (error) {
      send({ id, error: toControlError(error) });
    }
  }
}

export interface SocketAddress {
  readonly path: string;
  [Symbol.dispose](): void;
}

/** A name for `path` that is short enough for a socket's address, good until it is disposed of. */
export function socketAddress(path: string): SocketAddress {
  if (Buffer.byteLength(path) <= SOCKET_PATH_SIZE_MAX) return { path, [Symbol.dispose]: () => {} };
  const fd = openSync(dirname(path), "r");
  return {
    path: join(`/proc/self/fd/${fd}`, basename(path)),
    [Symbol.dispose]: () => closeSync(fd),
  };
}
