/**
 * A server of somebody else's, started for a test on a free port of the loopback interface: waited for until it takes
 * connections, stopped by its id, its output kept for the message when it does not start.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";

const START_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;
const POLL_MS = 20;
/** Of output that is kept, from the end. */
const LOG_LENGTH_MAX = 20_000;

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #command: ServerCommand;
  #log = "";

  private constructor(command: ServerCommand) {
    this.#command = command;
    this.#child = spawn(command.program, command.args, {
      env: { ...process.env, ...command.env },
      cwd: command.cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => {
        this.#log = (this.#log + text).slice(-LOG_LENGTH_MAX);
      });
    }
    this.#child.on("error", (error) => {
      this.#log += error.message;
    });
  }

  /** Resolves when its port takes connections. */
  static async start(command: ServerCommand): Promise<ServerProcess> {
    const server = new ServerProcess(command);
    for (let waitedMs = 0; waitedMs < START_MS_MAX; waitedMs += POLL_MS) {
      if (await takesConnections(command.port)) return server;
      if (server.#child.exitCode !== null || server.#child.pid === undefined) break;
      await setTimeout(POLL_MS);
    }
    await server[Symbol.asyncDispose]();
    throw new Error(`${command.program} did not start:\n${server.#log}`);
  }

  get log(): string {
    return this.#log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    const stopped = await Promise.race([exited, setTimeout(STOP_MS_MAX, "late", { ref: false })]);
    if (stopped !== "late") return;
    child.kill("SIGKILL");
    await exited;
  }

  get [Symbol.toStringTag](): string {
    return this.#command.program;
  }
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
