/** The volume process's way to its supervisor: Node's IPC channel, signals, and the ways out. */
import type { Log } from "../core/log.ts";
import type { FromVolume, ToVolume } from "./volume-message.ts";
import type { ParentLink } from "./volume-process.ts";

export function processLink(log: Log): ParentLink {
  let leaving: number | undefined;
  let unsent = 0;
  const leave = (): void => {
    // The engine's thread may sit in a system call and would hold up an exit; it has ended, or was never to serve.
    if (leaving !== undefined && unsent === 0) process.exit(leaving);
  };
  process.on("SIGHUP", () => {});
  process.on("uncaughtException", (error) => {
    log.error("an error nobody caught; this process ends, recovery replays", {
      error,
      stack: error.stack,
    });
    process.kill(process.pid, "SIGKILL");
  });
  return {
    send(message: FromVolume) {
      if (!process.connected) return;
      unsent++;
      process.send?.(message, undefined, undefined, () => {
        unsent--;
        leave();
      });
    },
    onMessage(listener) {
      process.on("message", (message) => listener(message as ToVolume));
    },
    onDisconnect(listener) {
      process.on("disconnect", listener);
    },
    onSignal(signal, listener) {
      process.on(signal, listener);
    },
    exit(code) {
      leaving = code;
      leave();
    },
    die() {
      process.kill(process.pid, "SIGKILL");
    },
  };
}
