/**
 * What the commands call: the port between the command line and the program behind it, so that the command line is
 * tested with fakes and holds no logic of its own.
 *
 * What always holds: paths are absolute, URLs are whole, sizes are in bytes. A refusal is an FsError (or any Error) whose
 * message names the thing in its first line; further lines of the message are hints and are printed below it. An
 * aborted `signal` ends an action early: a mount drains and unmounts, a stream ends, the rest rejects.
 */

export interface Actions {
  createVolume(request: CreateRequest): Promise<CreateReport>;
  /**
   * In the background it resolves once the volume is mounted and ready; with `foreground` it calls `onReady` then, and
   * resolves when the volume is unmounted again.
   */
  mountVolume(request: MountRequest): Promise<MountReport>;
  /** Changes the options of a volume that is mounted, as `mount -o remount` asks; refuses what cannot change. */
  remountVolume(request: RemountRequest): Promise<void>;
  unmountVolume(request: UnmountRequest): Promise<UnmountReport>;
  /** One row a mounted volume; with a target that one, and an error when it is not mounted. */
  status(target: Target | undefined): Promise<readonly VolumeStatus[]>;
  /** A sample a second until aborted or unmounted. No target: the only mounted volume. */
  stats(target: Target | undefined, signal: AbortSignal): AsyncIterable<StatsSample>;
  /** Resolves when everything acknowledged before the call is where the volume keeps it. */
  sync(target: Target | undefined): Promise<SyncReport>;
  /** Read-only; through the control socket when the volume is mounted. No target: the default volume. */
  fsck(request: FsckRequest): Promise<FsckReport>;
  /** The last lines of the mount's own log, or of the last mount's where the volume is not mounted. */
  readLog(target: Target | undefined, lineCount: number): Promise<readonly string[]>;
  /** Every operation as it is answered, until aborted or unmounted. */
  followLog(target: Target | undefined, signal: AbortSignal): AsyncIterable<AccessRecord>;
}

/** A mount point or any path below it, a volume's directory, or its URL. */
export type Target =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "url"; readonly url: string };

export type Durability = "memory" | "disk";

export interface CreateRequest {
  readonly volumeUrl: string;
  /** Undefined: the program's default. */
  readonly compression: "none" | "lz4" | "zstd" | "adaptive" | undefined;
  readonly acl: boolean;
}

export interface CreateReport {
  readonly volumeUrl: string;
  readonly uuid: string;
}

export interface MountSettings {
  readonly readOnly: boolean;
  readonly allowOther: boolean;
  readonly acl: boolean;
  readonly writeback: boolean;
  /** Undefined, here and below: the program's default. */
  readonly durability: Durability | undefined;
  readonly cacheSize: number | undefined;
  /** What all processes of the mount together may use. */
  readonly memorySize: number | undefined;
  /** Holds the state of this one volume. */
  readonly stateDirectory: string | undefined;
  /** On 127.0.0.1; undefined: no metrics are served. */
  readonly metricsPort: number | undefined;
  /** For the kernel, complete: "nosuid" and "nodev" are in it unless "suid" and "dev" were asked for. */
  readonly kernelOptions: readonly string[];
}

export interface MountRequest {
  readonly volumeUrl: string;
  /** Nobody named a volume: make the default one when it is not there yet. */
  readonly createIfMissing: boolean;
  readonly mountPoint: string;
  readonly foreground: boolean;
  readonly settings: MountSettings;
  readonly signal: AbortSignal;
  readonly onReady: (report: MountReport) => void;
}

export interface MountReport {
  readonly volumeUrl: string;
  readonly uuid: string;
  readonly mountPoint: string;
  readonly logPath: string;
  /** The volume was made by this call. */
  readonly isNew: boolean;
  /** The mount point was not empty. */
  readonly hidesEntries: boolean;
}

export interface RemountRequest {
  readonly mountPoint: string;
  /** Only what the caller named. */
  readonly changes: Partial<MountSettings>;
}

export interface UnmountRequest {
  readonly target: Target;
  /** Cut off who still uses it; what was acknowledged is kept all the same. */
  readonly force: boolean;
  /** Detach now, end when the last user has gone. */
  readonly lazy: boolean;
  /** How long to wait for the drain; undefined: the program's default. */
  readonly timeoutMs: number | undefined;
}

export interface UnmountReport {
  /**
   * "late": the time-out passed, and the drain goes on. "cleared": nobody could drain it any more, for `reason`; what
   * was written last is in the journal.
   */
  readonly outcome: "unmounted" | "cleared" | "detached" | "busy" | "late";
  readonly reason?: string;
  readonly mountPoint: string;
  /** Why it is busy, a line each: "process 812 (bash): cwd". */
  readonly holders: readonly string[];
}

/** The names and units of this are those of `status --json`: they may grow, and never change. */
export interface VolumeStatus {
  readonly volume: string;
  readonly uuid: string;
  readonly mountPoint: string;
  /**
   * "failed" answers EIO; "silent" did not answer us, "dead" has no processes any more, and their numbers are 0.
   * `stateReason` says why.
   */
  readonly state: "starting" | "recovering" | "serving" | "draining" | "failed" | "silent" | "dead";
  readonly stateReason?: string;
  readonly readOnly: boolean;
  /** Milliseconds since 1970. */
  readonly mountedAtMs: number;
  readonly uptimeMs: number;
  readonly supervisorPid: number;
  readonly volumePid?: number;
  readonly durability: Durability;
  /** How often the volume process died and was started again. */
  readonly restartCount: number;
  readonly journal: { readonly usedSize: number; readonly limitSize: number };
  /** Acknowledged, but not in packs yet. */
  readonly unpacked: {
    readonly size: number;
    readonly operationCount: number;
    readonly ageMs: number;
  };
  /** `size` is what they take, `plainSize` what is in them before compression, `liveSize` the part of that in use. */
  readonly packs: {
    readonly count: number;
    readonly size: number;
    readonly plainSize: number;
    readonly liveSize: number;
  };
  readonly usage: { readonly inodeCount: number; readonly size: number };
  readonly cache: { readonly usedSize: number; readonly limitSize: number };
  /** Of all processes of the mount. */
  readonly memory: { readonly residentSize: number };
  readonly stateDirectory: string;
  readonly logPath: string;
}

/** What happened in one interval. */
export interface StatsSample {
  readonly intervalMs: number;
  readonly requestCount: number;
  /** Requests that changed something. */
  readonly mutationCount: number;
  readonly errorCount: number;
  readonly readSize: number;
  readonly writtenSize: number;
  readonly flushCount: number;
  /** Time from a request's arrival to its answer; undefined when there was none. */
  readonly latencyP50Us: number | undefined;
  readonly latencyP99Us: number | undefined;
  readonly packedSize: number;
  readonly cacheHitCount: number;
  readonly cacheMissCount: number;
  /** At the end of the interval. */
  readonly journalUsedSize: number;
  readonly unpackedSize: number;
  readonly waitingWriterCount: number;
  readonly residentSize: number;
  /** Of one CPU: 0 to 1. */
  readonly engineBusyFraction: number;
}

export interface SyncReport {
  readonly mountPoint: string;
  readonly packCount: number;
  readonly packSize: number;
  readonly durationMs: number;
}

export interface FsckRequest {
  readonly target: Target;
  /** Where the journal is; undefined: where the volume was mounted with last. Of a mounted volume it is known. */
  readonly stateDirectory: string | undefined;
  /** Leaves out the packs' contents. */
  readonly metadataOnly: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
}

export interface FsckReport {
  /** "unchecked": something could not be looked at, `reason` says what. Problems found before that are listed too. */
  readonly outcome: "clean" | "problems" | "unchecked";
  readonly reason?: string;
  readonly volumeUrl: string;
  readonly uuid: string;
  readonly problems: readonly FsckProblem[];
  /** More than are listed when there are very many. */
  readonly problemCount: number;
  readonly inodeCount: number;
  readonly packCount: number;
  readonly packSize: number;
  /** Of records that are not in the metadata yet; absent where a mount that runs an older program checked itself. */
  readonly journalRecordCount?: number;
  readonly durationMs: number;
}

export interface FsckProblem {
  /** "inode 812", "pack 3 of 5f…". */
  readonly subject: string;
  readonly message: string;
}

export interface AccessRecord {
  /** When it was answered: milliseconds since 1970. */
  readonly timeMs: number;
  /** "lookup", "write", … */
  readonly operation: string;
  readonly uid: number;
  readonly pid: number;
  readonly arguments: string;
  /** "ok" or an error's code. */
  readonly result: string;
  readonly durationUs: number;
}
