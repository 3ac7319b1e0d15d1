/** One address for several servers: each connection goes to the next of them, bytes pass as they come. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class ConnectionSpreader implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(endpoints: readonly URL[]) {
    let next = 0;
    this.#server = createServer((incoming) => {
      const { port, hostname } = endpoints[next++ % endpoints.length]!;
      const outgoing = connect(Number(port), hostname);
      for (const [from, to] of [
        [incoming, outgoing],
        [outgoing, incoming],
      ] as const) {
        this.#sockets.add(from);
        from.on("error", () => to.destroy());
        from.on("close", () => this.#sockets.delete(from));
        from.pipe(to);
      }
    });
  }

  static async start(endpoints: readonly URL[]): Promise<ConnectionSpreader> {
    const spreader = new ConnectionSpreader(endpoints);
    spreader.#server.listen(0, "127.0.0.1");
    await once(spreader.#server, "listening");
    return spreader;
  }

  get endpoint(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}
