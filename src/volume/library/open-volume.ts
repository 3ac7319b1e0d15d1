/**
 * From a volume's URL to a running engine: reads volume.json, takes the state directory and its lock, starts the threads.
 * When any of it fails nothing is left behind.
 */
import type { Clock } from "../../core/clock.ts";
import { SystemClock } from "../../core/clock.ts";
import { FsError } from "../../core/fs-error.ts";
import { silentLog, type Log } from "../../core/log.ts";
import { directoryOfUrl } from "../../object/open-object-store.ts";
import type { Compression } from "../../pack/codec.ts";
import { defaultStateDirectory, StateDirectory } from "../state-directory.ts";
import { StateLock } from "../state-lock.ts";
import { makeVolume, readVolume } from "../volume-at-url.ts";
import { refuseFullDisk } from "../volume-room.ts";
import { EngineClient } from "./engine-client.ts";
import type { Credentials } from "./posix-session.ts";

const UMASK_DEFAULT = 0o022;

export interface OpenVolumeOptions {
  /** Refuse every change with EROFS. The journal of an earlier life is replayed all the same. */
  readonly readOnly?: boolean | undefined;
  /** What `FileHandle.sync` waits for; "disk" when left out. */
  readonly durability?: "memory" | "disk" | undefined;
  /** Where journal and lock are; when left out, where a mount of the volume has them too. */
  readonly stateDirectory?: string | undefined;
  /** On whose behalf calls run; this process's ids when left out. Root may do everything. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Supplementary groups. */
  readonly groups?: readonly number[] | undefined;
  /** Taken away from the mode of what is made; 0o022 when left out. */
  readonly umask?: number | undefined;
  /** Told what the volume's operator should know: a store that is full or away. */
  readonly log?: Log | undefined;
  /** Gives up opening. */
  readonly signal?: AbortSignal | undefined;
}

export interface CreateVolumeOptions extends OpenVolumeOptions {
  /** "lz4" when left out. */
  readonly compression?: Compression | undefined;
  /** POSIX ACLs. */
  readonly acl?: boolean | undefined;
}

export interface OpenedClient {
  readonly client: EngineClient;
  readonly uuid: string;
  readonly stateDirectory: string;
  /** Closes the engine, then gives up the lock. */
  close(signal: AbortSignal | undefined): Promise<void>;
}

export async function createAndOpen(
  url: string,
  options: CreateVolumeOptions,
): Promise<OpenedClient> {
  const { uid, gid } = credentialsOf(options);
  const { compression, acl = false } = options;
  const level = levelOf(options);
  options.signal?.throwIfAborted();
  await makeVolume({ url, compression, acl, uid, gid, clock: new SystemClock() });
  return await openClient(url, { ...options, durability: level });
}

export async function openClient(url: string, options: OpenVolumeOptions): Promise<OpenedClient> {
  const { signal, readOnly = false, log = silentLog } = options;
  const clock = new SystemClock();
  const level = levelOf(options);
  const credentials = credentialsOf(options);
  signal?.throwIfAborted();
  const config = await readVolume(url, clock);
  const environment = { env: process.env, uid: process.geteuid?.() ?? credentials.uid };
  const state = StateDirectory.open({
    path: options.stateDirectory ?? defaultStateDirectory(environment, config.uuid),
    volume: config.uuid,
    level,
  });
  refuseFullDisk(directoryOfUrl(url));
  const lock = await takeLock(state, clock);
  try {
    const client = await EngineClient.open({
      root: directoryOfUrl(url),
      config,
      stateDirectory: state.path,
      level,
      readOnly,
      credentials,
      clock,
      log,
      signal,
    });
    return {
      client,
      uuid: config.uuid,
      stateDirectory: state.path,
      async close(closeSignal) {
        using _lock = lock;
        await client.close(closeSignal);
      },
    };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

async function takeLock(state: StateDirectory, clock: Clock): Promise<StateLock> {
  const lock = await StateLock.acquire(state.lock, clock);
  lock.describe({ volume: state.volume, since: new Date(clock.nowMs()).toISOString() });
  return lock;
}

function credentialsOf(options: OpenVolumeOptions): Credentials {
  const uid = options.uid ?? process.geteuid?.() ?? 0;
  const gid = options.gid ?? process.getegid?.() ?? 0;
  const isSomebody = options.uid !== undefined || options.gid !== undefined;
  // The groups of this process say nothing about somebody else.
  const groups = options.groups ?? (isSomebody ? [] : (process.getgroups?.() ?? []));
  const umask = options.umask ?? UMASK_DEFAULT;
  for (const id of [uid, gid, ...groups]) {
    if (!Number.isSafeInteger(id) || id < 0 || id > ID_MAX) throw new FsError("EINVAL", `id ${id}`);
  }
  return { uid, gid, groups, umask: umask & 0o777 };
}

/** (uid_t) -1 means "leave it". */
const ID_MAX = 0xffff_fffe;

function levelOf({ durability = "disk" }: OpenVolumeOptions): "memory" | "disk" {
  if (durability === "memory" || durability === "disk") return durability;
  throw new FsError("EINVAL", `durability is "memory" or "disk", not "${String(durability)}"`);
}
