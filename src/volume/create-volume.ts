/**
 * Makes a volume: the metadata database first, volume.json last, so that a crash in between leaves nothing that calls
 * itself a volume. Never touches what is there already.
 */
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { randomHex } from "../core/hex.ts";
import { encodePosition, NO_JOURNAL, POSITION_SETTING } from "../cut/position.ts";
import { toJsn } from "../core/ids.ts";
import { createRoot, MetaState } from "../meta/meta-state.ts";
import { wrapSqliteError } from "../meta/sqlite/sqlite-error.ts";
import { SqliteTables } from "../meta/sqlite/sqlite-tables.ts";
import type { Compression } from "../pack/codec.ts";
import type { ObjectStore } from "../object/object-store.ts";
import {
  encodeVolumeConfig,
  newVolumeConfig,
  VOLUME_KEY,
  type VolumeConfig,
} from "./volume-config.ts";

/** Below the store's directory; objects never have this prefix. */
export const META_DIRECTORY = "meta";
export const DATABASE_NAME = "shoal.db";
const UUID_SIZE = 16;

export interface CreateOptions {
  readonly store: ObjectStore;
  /** The store's directory: until timelines exist, the metadata live there. */
  readonly root: string;
  readonly compression: Compression;
  readonly acl: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly clock: Clock;
}

export function databasePath(root: string): string {
  return join(root, META_DIRECTORY, DATABASE_NAME);
}

/** Throws EEXIST when there is a volume, ENOTEMPTY when the directory holds anything else. */
export async function createVolume(options: CreateOptions): Promise<VolumeConfig> {
  const { store, root, clock } = options;
  if ((await store.head(VOLUME_KEY)) !== undefined) {
    throw new FsError("EEXIST", `${store.url} is a volume already`);
  }
  const foreign = readdirSync(root).filter((name) => name !== META_DIRECTORY && name !== ".tmp");
  if (foreign.length > 0) {
    throw new FsError(
      "ENOTEMPTY",
      `${root} is not empty (${foreign.slice(0, 3).join(", ")}): name a directory of its own`,
    );
  }
  const config = newVolumeConfig({
    uuid: randomHex(UUID_SIZE),
    timeline: randomHex(UUID_SIZE),
    createdMs: clock.nowMs(),
    compression: options.compression,
    acl: options.acl,
  });
  mkdirSync(join(root, META_DIRECTORY), { recursive: true, mode: 0o700 });
  fillDatabase(databasePath(root), config, options);
  syncDirectory(join(root, META_DIRECTORY));
  syncDirectory(root);
  const outcome = await store.create(VOLUME_KEY, encodeVolumeConfig(config));
  if (!outcome.created) throw new FsError("EEXIST", `${store.url} became a volume meanwhile`);
  return config;
}

function fillDatabase(path: string, config: VolumeConfig, options: CreateOptions): void {
  const tables = SqliteTables.create(path);
  try {
    chmodSync(path, 0o600);
    const now = { sec: 0, nsec: 0 };
    options.clock.realtime(now);
    tables.begin();
    const meta = new MetaState(tables, { acl: config.acl });
    createRoot(meta, { uid: options.uid, gid: options.gid, mode: 0o755, now });
    meta.flush();
    const position = encodePosition({
      timeline: config.timeline,
      txid: 0,
      epoch: 0,
      journal: NO_JOURNAL,
      jsn: toJsn(0),
      flushedJsn: toJsn(0),
      timeMs: config.createdMs,
      clean: true,
    });
    tables.settings.putText(POSITION_SETTING, position);
    tables.commit();
    tables.walCheckpoint("TRUNCATE");
  } catch (error) {
    throw wrapSqliteError(error, path);
  } finally {
    tables.close();
  }
}

/** Its names are durable when this returns: nothing calls itself a volume before its database does so for certain. */
function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
