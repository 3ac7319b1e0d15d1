/**
 * Prometheus metrics on a port of 127.0.0.1, made when they are asked for: they cost nothing in between.
 * Names follow the conventions of Prometheus: base units, `_total` for what only grows.
 */
import { createServer, type Server } from "node:http";
import { Counter, Gauge, Registry } from "prom-client";
import { FsError } from "../../core/fs-error.ts";
import type { Log } from "../../core/log.ts";

/** Field of the engine's state, name, help. */
const GAUGES = [
  ["inodes", "shoal_inodes", "Inodes in use"],
  ["bytes", "shoal_allocated_bytes", "Bytes that files occupy, holes not counted"],
  ["packs", "shoal_packs", "Packs in the store or pending"],
  ["storedBytes", "shoal_pack_stored_bytes", "Bytes of packs in the store"],
  ["plainBytes", "shoal_pack_plain_bytes", "Plain bytes in packs, before compression"],
  ["liveBytes", "shoal_pack_live_bytes", "Plain bytes in packs that files refer to"],
  ["dirtyBytes", "shoal_dirty_bytes", "Bytes in the journal that no cut has planned"],
  ["pendingBytes", "shoal_pending_bytes", "Bytes in the journal that are planned and not stored"],
  ["journalBytes", "shoal_journal_bytes", "Bytes of live journal segments"],
  ["unflushedBytes", "shoal_journal_unflushed_bytes", "Journal bytes that are not flushed"],
  [
    "uncutAgeMs",
    "shoal_uncut_age_milliseconds",
    "How long ago the last cut was, with changes since",
  ],
  ["orphans", "shoal_orphans", "Unlinked inodes that may still be open"],
] as const;
const COUNTERS = [
  ["requests", "shoal_requests_total", "Requests read from the kernel"],
  ["operations", "shoal_operations_total", "Operations that changed something"],
  ["errors", "shoal_request_errors_total", "Requests answered with an error"],
  ["readBytes", "shoal_read_bytes_total", "Bytes read by clients"],
  ["writtenBytes", "shoal_written_bytes_total", "Bytes written by clients"],
  ["flushes", "shoal_fsyncs_total", "FSYNC requests"],
  ["packedBytes", "shoal_packed_bytes_total", "Bytes of packs stored"],
] as const;

export type EngineNumbers = Readonly<Record<string, unknown>>;

export class MetricsServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Throws EADDRINUSE or EACCES, naming the port. */
  static async listen(options: {
    readonly port: number;
    readonly state: () => Promise<EngineNumbers>;
    readonly log: Log;
  }): Promise<MetricsServer> {
    const server = createServer((request, response) => {
      if (request.url !== "/metrics") {
        response.writeHead(404).end("see /metrics\n");
        return;
      }
      options
        .state()
        .then(renderMetrics)
        .then((text) =>
          response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(text),
        )
        .catch((error: unknown) => {
          options.log.warn("metrics could not be made", { error });
          response.writeHead(503).end("the engine does not answer\n");
        });
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", resolve);
    try {
      await promise;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new FsError(
        code === "EACCES" ? "EACCES" : "EADDRINUSE",
        `metrics cannot be served on port ${options.port} of 127.0.0.1 (${code}): choose another with --metrics`,
        { cause: error },
      );
    }
    // It must not keep a process alive that has nothing else to do.
    server.unref();
    return new MetricsServer(server);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** The text exposition of one state of the engine. */
export async function renderMetrics(state: EngineNumbers): Promise<string> {
  const registry = new Registry();
  for (const [field, name, help] of GAUGES) {
    new Gauge({ name, help, registers: [registry] }).set(numberOf(state[field]));
  }
  for (const [field, name, help] of COUNTERS) {
    new Counter({ name, help, registers: [registry] }).inc(numberOf(state[field]));
  }
  return registry.metrics();
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
