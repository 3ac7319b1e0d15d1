/**
 * Filesystems of others, when the environment says where their programs are:
 *
 *   SHOAL_BENCH_JUICEFS      juicefs: metadata in SQLite, files in a directory
 *   SHOAL_BENCH_REDIS        redis-server: JuiceFS again, with its metadata there, as Redis is without a configuration
 *   SHOAL_BENCH_PASSTHROUGH  passthrough_hp of libfuse, over a directory of the disk
 *   SHOAL_BENCH_S3_SERVER    versitygw, over a directory of the disk, for the next two
 *   SHOAL_BENCH_S3FS         s3fs
 *   SHOAL_BENCH_RCLONE       rclone
 *
 * Each runs with its defaults, but for what is written here.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { type Contender, type Placement, placementPrefix } from "./contender.ts";
import { findFreePort, PeerHome, untilListening } from "./peer-process.ts";

export type PeerName =
  | "juicefs (sqlite)"
  | "juicefs (redis)"
  | "passthrough_hp"
  | "s3fs"
  | "rclone";

interface Peer {
  /** What must be in the environment. */
  readonly programs: readonly string[];
  readonly share: number;
  /** Mounts on `mnt` of `home`; returns the command that mounts, to repeat it. */
  open(home: PeerHome, prefix: readonly string[]): Promise<MountCommand>;
}

interface MountCommand {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const BUCKET = "bench";
const KEY = "benchmark";
const SECRET = "benchmark-secret";

const PEERS: Readonly<Record<PeerName, Peer>> = {
  "juicefs (sqlite)": {
    programs: ["SHOAL_BENCH_JUICEFS"],
    share: 0.08,
    open: (home, prefix) =>
      Promise.resolve(formatJuicefs(home, prefix, `sqlite3://${home.path("meta.db")}`)),
  },
  "juicefs (redis)": {
    programs: ["SHOAL_BENCH_JUICEFS", "SHOAL_BENCH_REDIS"],
    share: 0.08,
    async open(home, prefix) {
      const port = await findFreePort();
      const redis = [process.env["SHOAL_BENCH_REDIS"]!, "--port", String(port)];
      home.start([...prefix, ...redis, "--dir", home.base, "--bind", "127.0.0.1"]);
      await untilListening(port);
      return formatJuicefs(home, prefix, `redis://127.0.0.1:${port}/1`);
    },
  },
  passthrough_hp: {
    programs: ["SHOAL_BENCH_PASSTHROUGH"],
    share: 0.3,
    open(home, prefix) {
      const below = home.path("below");
      mkdirSync(below);
      spawnSync("chattr", ["+T", below]);
      const program = process.env["SHOAL_BENCH_PASSTHROUGH"]!;
      const command = [...prefix, program, "--foreground", below, home.path("mnt")];
      return Promise.resolve({ command });
    },
  },
  s3fs: {
    programs: ["SHOAL_BENCH_S3_SERVER", "SHOAL_BENCH_S3FS"],
    share: 0.007,
    async open(home, prefix) {
      const port = await startS3(home, prefix);
      const password = home.path("password");
      writeFileSync(password, `${KEY}:${SECRET}`, { mode: 0o600 });
      const options = `passwd_file=${password},url=http://127.0.0.1:${port},use_path_request_style`;
      const program = process.env["SHOAL_BENCH_S3FS"]!;
      return { command: [...prefix, program, "-f", BUCKET, home.path("mnt"), "-o", options] };
    },
  },
  rclone: {
    programs: ["SHOAL_BENCH_S3_SERVER", "SHOAL_BENCH_RCLONE"],
    share: 0.007,
    async open(home, prefix) {
      const port = await startS3(home, prefix);
      const program = process.env["SHOAL_BENCH_RCLONE"]!;
      const mount = ["mount", "--config", "/dev/null", "--vfs-cache-mode", "writes"];
      const remote = ["--cache-dir", home.path("cache"), `:s3:${BUCKET}`, home.path("mnt")];
      const env = {
        RCLONE_S3_PROVIDER: "Other",
        RCLONE_S3_ACCESS_KEY_ID: KEY,
        RCLONE_S3_SECRET_ACCESS_KEY: SECRET,
        RCLONE_S3_ENDPOINT: `http://127.0.0.1:${port}`,
      };
      return { command: [...prefix, program, ...mount, ...remote], env };
    },
  },
};

/** Undefined when its program is not named by the environment. */
export async function openPeer(
  name: PeerName,
  placement: Placement,
): Promise<Contender | undefined> {
  const peer = PEERS[name];
  if (peer.programs.some((variable) => process.env[variable] === undefined)) return undefined;
  const home = new PeerHome(name.replaceAll(/\W+/g, "-"));
  const directory = home.path("mnt");
  mkdirSync(directory);
  let mounted;
  try {
    mounted = await peer.open(home, placementPrefix(placement));
    await home.mount(mounted.command, directory, mounted.env);
  } catch (error) {
    console.log(`${name} is out: ${(error as Error).message}`);
    home.remove();
    return undefined;
  }
  const { command, env } = mounted;
  return {
    name,
    placement,
    directory,
    stored: home.base,
    isPeer: true,
    share: peer.share,
    processes: () => home.processes(),
    async remount() {
      await home.unmount(directory);
      await home.mount(command, directory, env);
    },
    async [Symbol.asyncDispose]() {
      await home.unmount(directory);
      home.remove();
    },
  };
}

function formatJuicefs(home: PeerHome, prefix: readonly string[], meta: string): MountCommand {
  const program = process.env["SHOAL_BENCH_JUICEFS"]!;
  const store = ["--storage", "file", "--bucket", `${home.path("store")}/`];
  home.run([program, "format", ...store, meta, "bench"]);
  const options = ["--no-usage-report", "--cache-dir", home.path("cache")];
  return { command: [...prefix, program, "mount", ...options, meta, home.path("mnt")] };
}

/** An S3 server with an empty bucket; returns its port. */
async function startS3(home: PeerHome, prefix: readonly string[]): Promise<number> {
  const port = await findFreePort();
  // Its posix backend keeps every directory of its root as a bucket.
  const root = home.path("server");
  mkdirSync(home.path(`server/${BUCKET}`), { recursive: true });
  const program = process.env["SHOAL_BENCH_S3_SERVER"]!;
  const access = ["--access", KEY, "--secret", SECRET, "--port", `127.0.0.1:${port}`];
  home.start([...prefix, program, ...access, "posix", root]);
  await untilListening(port);
  return port;
}
