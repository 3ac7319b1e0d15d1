/** The engine thread's side of worker-engine.ts: messages taken without waiting, answers sent without asking. */
import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import { toControlError } from "../../src/mount/control-message.ts";
import type { EngineEnd } from "../../src/mount/engine-port.ts";
import type { FromVolume, ToVolume } from "../../src/mount/volume-message.ts";

export class EngineMailbox {
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** Says that all code is loaded and resolves with the generation once the volume is to be served. From then on only `receive` is used. */
  waitForServe(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    const onMessage = (message: ToVolume): void => {
      if (message.type !== "serve") return;
      this.#port.off("message", onMessage);
      resolve(message.generation);
    };
    this.#port.on("message", onMessage);
    this.send({ type: "loaded" });
    return promise;
  }

  /** The next message, `undefined` when there is none. Call it until then whenever the doorbell rang. */
  receive(): ToVolume | undefined {
    const received = receiveMessageOnPort(this.#port) as { message: ToVolume } | undefined;
    return received?.message;
  }

  serving(details: Readonly<Record<string, unknown>>): void {
    this.send({ type: "serving", details });
  }

  refused(error: unknown): void {
    this.send({ type: "refused", error: toControlError(error) });
  }

  ended(end: EngineEnd): void {
    this.send({ type: "ended", end });
  }

  result(id: number, result: unknown): void {
    this.send({ type: "result", id, result });
  }

  error(id: number, error: unknown): void {
    this.send({ type: "error", id, error: toControlError(error) });
  }

  event(id: number, event: unknown): void {
    this.send({ type: "event", id, event });
  }

  send(message: FromVolume): void {
    this.#port.postMessage(message, []);
  }
}
