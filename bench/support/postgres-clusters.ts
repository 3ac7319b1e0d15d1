/**
 * A PostgreSQL cluster on each contender, made and started when it is first asked for, and pgbench against it.
 *
 * The server refuses to run as root: as root it runs as the user `postgres`, which the Debian package makes.
 */
import { chownSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { makeWorkDirectory } from "../../test/support/mount-fixture.ts";
import type { Contender } from "../contenders/contender.ts";
import { hasProgram, runCommand } from "./commands.ts";
import type { Work } from "./contest.ts";

/** Where Debian keeps the programs of each version. */
const DEBIAN = "/usr/lib/postgresql";

interface Cluster {
  readonly contender: Contender;
  readonly data: string;
  readonly socket: string;
}

export class PostgresClusters implements AsyncDisposable {
  readonly scale: number;
  readonly seconds: number;
  readonly #programs: string | undefined = findPrograms();
  readonly #running: Map<Contender, Cluster> = new Map();

  constructor(scale: number, seconds: number) {
    this.scale = scale;
    this.seconds = seconds;
  }

  works(): readonly Work[] {
    if (this.#programs === undefined || !hasProgram("setpriv")) {
      console.log("skipped: PostgreSQL is not installed");
      return [];
    }
    return [1, 4].map((clientCount) => ({
      name: `pgbench, ${clientCount} ${clientCount === 1 ? "client" : "clients"}`,
      unit: "transaction",
      isRate: true,
      run: async (contender) => ({ value: await this.#bench(contender, clientCount) }),
    }));
  }

  async #bench(contender: Contender, clientCount: number): Promise<number> {
    const cluster = this.#running.get(contender) ?? (await this.#start(contender));
    const load = ["-c", String(clientCount), "-j", String(Math.min(clientCount, 2))];
    const how = ["-h", cluster.socket, "-n", "-T", String(this.seconds), "--random-seed=1"];
    const output = await this.#run(cluster, "pgbench", [...how, ...load, "postgres"]);
    const found = /tps = ([\d.]+)/u.exec(output);
    if (found === null) throw new Error(`pgbench named no rate: ${output}`);
    return Number(found[1]);
  }

  async #start(contender: Contender): Promise<Cluster> {
    const { uid, gid } = findUser();
    const data = join(contender.directory, "cluster");
    const socket = makeWorkDirectory("bench-pg");
    mkdirSync(data, { mode: 0o700 });
    chownSync(data, uid, gid);
    chownSync(socket, uid, gid);
    const cluster = { contender, data, socket };
    await this.#run(cluster, "initdb", ["-D", data, "-A", "trust", "--no-sync"]);
    const options = `-k ${socket} -c listen_addresses=''`;
    const log = join(socket, "log");
    await this.#run(cluster, "pg_ctl", ["-D", data, "-o", options, "-l", log, "-w", "start"]);
    this.#running.set(contender, cluster);
    const fill = ["-h", socket, "-i", "-q", "-s", String(this.scale), "postgres"];
    await this.#run(cluster, "pgbench", fill);
    return cluster;
  }

  #run({ contender }: Cluster, program: string, args: readonly string[]): Promise<string> {
    const { uid, gid } = findUser();
    const as = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
    return runCommand(contender, [...as, join(this.#programs!, program), ...args]);
  }

  /** What they serve from cannot be unmounted before. */
  async stopAll(): Promise<void> {
    for (const [contender, cluster] of this.#running) {
      this.#running.delete(contender);
      await this.#run(cluster, "pg_ctl", ["-D", cluster.data, "-m", "immediate", "-w", "stop"]);
      rmSync(cluster.socket, { recursive: true });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stopAll();
  }
}

function findPrograms(): string | undefined {
  const versions = existing(DEBIAN).toSorted((a, b) => Number(a) - Number(b));
  const newest = versions.at(-1);
  return newest === undefined ? undefined : join(DEBIAN, newest, "bin");
}

function existing(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function findUser(): { readonly uid: number; readonly gid: number } {
  const ask = (option: string): number => {
    const { status, stdout } = spawnSync("id", [option, "postgres"], { encoding: "utf8" });
    if (status !== 0) throw new Error("there is no user postgres");
    return Number(stdout);
  };
  return { uid: ask("-u"), gid: ask("-g") };
}
