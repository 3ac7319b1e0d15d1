/**
 * What one mount is told: written to `<state>/mount.json` (0600) by whoever starts it, read by the supervisor and by
 * every volume process. The engine's options may hold credentials, so it is never put on a command line.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { FsError } from "../core/fs-error.ts";
import type { LogLevel } from "../core/log.ts";
import { wrapSystemError } from "../core/system-error.ts";
import { temporaryName } from "../core/temporary-name.ts";

export const MOUNT_CONFIG_VERSION = 1;

export interface MountConfig {
  readonly version: typeof MOUNT_CONFIG_VERSION;
  /** The volume's uuid. */
  readonly volume: string;
  /** Shown as the mount's source: the volume's URL without secrets. */
  readonly source: string;
  /** Absolute, links resolved. */
  readonly mountPoint: string;
  /** Absolute, links resolved. */
  readonly stateDirectory: string;
  readonly engine: {
    /** The module that exports `loadEngine`, absolute, in the private copy. */
    readonly module: string;
    /** The engine's own. */
    readonly options: unknown;
  };
  readonly readOnly?: boolean;
  readonly allowOther?: boolean;
  /** Further options of mount(8). */
  readonly mountOptions?: readonly string[];
  readonly acl?: boolean;
  readonly writeback?: boolean;
  /** False: lost requests are not asked for after a restart, as on kernels before 6.9. For tests. */
  readonly resend?: boolean;
  /**
   * Keep a second volume process loaded, to take over at once; true unless said. It costs about 30 MiB (75 MiB resident,
   * most of it shared) and takes a client's pause after a death from about 120 ms to about 50, the recovery alone.
   */
  readonly warmSpare?: boolean;
  readonly logLevel?: LogLevel;
  /** The supervisor runs at a terminal: it says there when the volume is mounted. */
  readonly foreground?: boolean;
  readonly restart?: RestartLimits;
  /** How long a busy mount is served on after it was detached. */
  readonly detachWaitMs?: number;
  /** How long a stop that a signal asked for may store before it is cut short. */
  readonly stopLimitMs?: number;
}

export interface RestartLimits {
  /** Deaths in sequence before which nothing was answered. */
  readonly fruitlessMax?: number;
  /** Deaths in sequence after less than `stableMs` of life, fruitless or not. */
  readonly shortMax?: number;
  readonly stableMs?: number;
}

/** Whole or not at all. */
export function writeMountConfig(path: string, config: MountConfig): void {
  const temporary = temporaryName(path);
  try {
    writeFileSync(temporary, `${JSON.stringify(config, undefined, 2)}\n`, {
      flag: "wx",
      mode: 0o600,
    });
    renameSync(temporary, path);
  } catch (error) {
    throw wrapSystemError(error, `writing ${path}`);
  }
}

export function readMountConfig(path: string): MountConfig {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw wrapSystemError(error, `reading the mount's configuration ${path}`);
  }
  if (!isMountConfig(value))
    throw new FsError("EINVAL", `${path} is no mount's configuration, or of another version`);
  return value;
}

function isMountConfig(value: unknown): value is MountConfig {
  if (typeof value !== "object" || value === null) return false;
  const config = value as Partial<Record<keyof MountConfig, unknown>>;
  const engine = config.engine as Partial<Record<string, unknown>> | null | undefined;
  return (
    config.version === MOUNT_CONFIG_VERSION &&
    typeof config.volume === "string" &&
    typeof config.source === "string" &&
    typeof config.mountPoint === "string" &&
    typeof config.stateDirectory === "string" &&
    typeof engine === "object" &&
    engine !== null &&
    typeof engine["module"] === "string"
  );
}
