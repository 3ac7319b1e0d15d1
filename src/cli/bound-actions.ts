/** The real actions: each is a call into mount/ and the translation of its answer. */
import { EventEmitter, on } from "node:events";
import { SystemClock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { errorMessage, hasCode, wrapSystemError } from "../core/system-error.ts";
import { directoryOfUrl } from "../object/open-object-store.ts";
import { ControlClient } from "../mount/control-client.ts";
import type { AccessEntry } from "../mount/engine/engine-link.ts";
import {
  findTargetMount,
  knownMounts,
  requireTargetMount,
  volumeUrlOf,
} from "../mount/find-target.ts";
import { runFsckThread } from "../mount/fsck/run-fsck.ts";
import { tailLog } from "../mount/log-tail.ts";
import { lastStateDirectory } from "../mount/running-state.ts";
import type { KnownMount } from "../mount/mount-registry.ts";
import { mountVolume } from "../mount/mount-volume.ts";
import { remountVolume } from "../mount/remount-volume.ts";
import { makeVolume, readVolume } from "../volume/volume-at-url.ts";
import { StateDirectory, type Environment } from "../volume/state-directory.ts";
import { unmountVolume } from "../mount/unmount-volume.ts";
import {
  askState,
  type EngineStateAnswer,
  type MountState,
  silentState,
} from "../mount/volume-state.ts";
import type { CheckResult } from "../volume/fsck/check-volume.ts";
import { journalRoot } from "../volume/volume-paths.ts";
import type {
  Actions,
  FsckReport,
  StatsSample,
  SyncReport,
  Target,
  VolumeStatus,
} from "./actions.ts";

const STATS_INTERVAL_MS = 1000;
const ASK_TIMEOUT_MS = 10_000;
const DEAD_REASON = "its processes are gone; mount the volume again, or unmount this";

export function bindActions(environment: Environment): Actions {
  const clock = new SystemClock();
  return {
    async createVolume(request) {
      const config = await makeVolume({
        url: request.volumeUrl,
        compression: request.compression,
        acl: request.acl,
        uid: environment.uid,
        gid: process.getegid!(),
        clock,
      });
      return { volumeUrl: request.volumeUrl, uuid: config.uuid };
    },
    mountVolume: (request) => mountVolume({ ...request, environment, clock }),
    remountVolume({ mountPoint, changes }) {
      const target = { kind: "path", path: mountPoint } as const;
      return remountVolume(requireTargetMount(target, environment), changes);
    },
    async unmountVolume(request) {
      const mount = requireTargetMount(request.target, environment);
      const result = await unmountVolume(mount, { ...request, clock });
      return { ...result, mountPoint: mount.mountPoint };
    },
    status: (target) => statusOf(target, environment, clock),
    stats: (target, signal) => sampleStats(requireTargetMount(target, environment), signal, clock),
    sync: (target) => sync(requireTargetMount(target, environment), clock),
    async fsck(request) {
      const mount = findTargetMount(request.target, environment);
      const startMs = clock.monotonicMs();
      const working = mount?.isServed === true ? await askState(mount, patience()) : undefined;
      const { result, url, uuid } =
        working?.supervisor.crashLoop === undefined && mount !== undefined && working !== undefined
          ? await checkMounted(mount, request)
          : await checkUnmounted(
              working?.config.source ?? volumeUrlOf(request.target as Target),
              { ...request, stateDirectory: request.stateDirectory ?? mount?.stateDirectory?.path },
              { environment, clock },
            );
      return toReport(result, url, uuid, clock.monotonicMs() - startMs);
    },
    readLog: (target, lineCount) => readLog(target, lineCount, { environment, clock }),
    followLog: (target, signal) => followAccess(requireTargetMount(target, environment), signal),
  };
}

async function statusOf(
  target: Target | undefined,
  environment: Environment,
  clock: SystemClock,
): Promise<VolumeStatus[]> {
  const mounts =
    target === undefined ? knownMounts(environment) : [requireTargetMount(target, environment)];
  const ours = mounts.filter((mount) => mount.isServed || mount.holder !== undefined);
  const found = await Promise.all(
    ours.map(async (mount) => {
      if (!mount.isServed) return statusWithoutAnswer(mount, "dead", DEAD_REASON, clock.nowMs());
      try {
        return toStatus(await askState(mount, patience()), mount, clock.nowMs());
      } catch (error) {
        // Of all mounts one may have ended, or may be about to, while we asked.
        if (target === undefined && hasEnded(error)) return undefined;
        if (target === undefined && hasCode(error, "ETIMEDOUT")) {
          return statusWithoutAnswer(mount, "silent", errorMessage(error), clock.nowMs());
        }
        throw error;
      }
    }),
  );
  return found.filter((status) => status !== undefined);
}

function statusWithoutAnswer(
  mount: KnownMount,
  state: "silent" | "dead",
  reason: string,
  nowMs: number,
): VolumeStatus {
  return toStatus(silentState(mount, state, reason, nowMs), mount, nowMs);
}

/** How long a mount may take to answer. */
function patience(): AbortSignal {
  return AbortSignal.timeout(ASK_TIMEOUT_MS);
}

async function sync(mount: KnownMount, clock: SystemClock): Promise<SyncReport> {
  const startMs = clock.monotonicMs();
  const before = (await askState(mount, patience())).engine;
  using client = await connect(mount);
  const result = (await client.call("drain")) as { drained: boolean; message?: string };
  if (!result.drained) throw new FsError("EIO", result.message ?? "not everything is stored");
  return {
    mountPoint: mount.mountPoint,
    packCount: before?.pendingPacks ?? 0,
    packSize: (before?.dirtyBytes ?? 0) + (before?.pendingBytes ?? 0),
    durationMs: clock.monotonicMs() - startMs,
  };
}

async function readLog(
  target: Target | undefined,
  lineCount: number,
  world: { readonly environment: Environment; readonly clock: SystemClock },
): Promise<string[]> {
  const { environment, clock } = world;
  const mount = findTargetMount(target, environment);
  const lines: string[] = [];
  const onLine = (line: unknown): void => void lines.push(String(line));
  if (mount?.isServed === true) {
    using client = await connect(mount);
    await client.call("log", { params: { lines: lineCount }, onEvent: onLine });
    return lines;
  }
  // It is most wanted of a mount that has died.
  if (target === undefined) throw new FsError("ENOTCONN", "no volume is mounted: name one");
  const path = StateDirectory.peek(await stateOf(target, mount, world))?.log;
  if (path === undefined) throw new FsError("ENOENT", "the volume was never mounted by this user");
  const { signal } = new AbortController();
  try {
    await tailLog({ path, lineCount, follow: false, clock, signal, onLine });
  } catch (error) {
    throw wrapSystemError(error, `reading the log ${path}`);
  }
  return lines;
}

async function stateOf(
  target: Target,
  mount: KnownMount | undefined,
  world: { readonly environment: Environment; readonly clock: SystemClock },
): Promise<string> {
  if (mount?.stateDirectory !== undefined) return mount.stateDirectory.path;
  const { uuid } = await readVolume(volumeUrlOf(target), world.clock);
  return lastStateDirectory(world.environment, uuid);
}

/** No more control socket, or one that closed before it answered. */
function hasEnded(error: unknown): boolean {
  return error instanceof FsError && (error.code === "ENOTCONN" || error.code === "EPIPE");
}

function connect(mount: KnownMount): Promise<ControlClient> {
  if (mount.stateDirectory === undefined || !mount.isServed) {
    throw new FsError("ENOTCONN", `nobody serves the mount on ${mount.mountPoint} any more`);
  }
  return ControlClient.connect(mount.stateDirectory.controlSocket);
}

async function checkUnmounted(
  url: string,
  request: Parameters<Actions["fsck"]>[0],
  world: { readonly environment: Environment; readonly clock: SystemClock },
): Promise<{ result: CheckResult; url: string; uuid: string }> {
  const { metadataOnly, signal, onProgress } = request;
  const { uuid, timeline } = await readVolume(url, world.clock);
  const state = request.stateDirectory ?? lastStateDirectory(world.environment, uuid);
  const root = directoryOfUrl(url);
  const start = { root, uuid, timeline, metadataOnly, journalRoot: journalRoot(state) };
  const result = await runFsckThread({ start, signal, onProgress });
  return { result, url, uuid };
}

async function checkMounted(
  mount: KnownMount,
  request: Parameters<Actions["fsck"]>[0],
): Promise<{ result: CheckResult; url: string; uuid: string }> {
  using client = await connect(mount);
  const result = (await client.call("fsck", {
    params: { metadataOnly: request.metadataOnly },
    signal: request.signal,
    onEvent: (text) => request.onProgress(String(text)),
  })) as CheckResult;
  const { config } = await askState(mount, request.signal);
  return { result, url: config.source, uuid: config.volume };
}

function toReport(result: CheckResult, url: string, uuid: string, durationMs: number): FsckReport {
  const { unchecked, ...found } = result;
  const withoutProblems = unchecked === undefined ? "clean" : "unchecked";
  return {
    outcome: result.problemCount > 0 ? "problems" : withoutProblems,
    ...(unchecked === undefined ? {} : { reason: unchecked }),
    volumeUrl: url,
    uuid,
    ...found,
    durationMs,
  };
}

function toStatus(state: MountState, mount: KnownMount, nowMs: number): VolumeStatus {
  const { config, supervisor, engine, stateDirectory } = state;
  const options = config.engine.options as { level: "memory" | "disk"; readOnly: boolean };
  return {
    volume: config.source,
    uuid: config.volume,
    mountPoint: mount.mountPoint,
    state: toStateName(supervisor.state),
    ...reasonOf(state),
    readOnly: options.readOnly,
    mountedAtMs: nowMs - supervisor.upMs,
    uptimeMs: supervisor.upMs,
    supervisorPid: supervisor.supervisorPid,
    ...(supervisor.volumePid === undefined ? {} : { volumePid: supervisor.volumePid }),
    durability: options.level,
    restartCount: supervisor.restarts,
    journal: { usedSize: engine?.journalBytes ?? 0, limitSize: engine?.journalLimit ?? 0 },
    unpacked: {
      size: (engine?.dirtyBytes ?? 0) + (engine?.pendingBytes ?? 0),
      operationCount: engine?.uncutOperations ?? 0,
      ageMs: engine?.uncutAgeMs ?? 0,
    },
    packs: {
      count: engine?.packs ?? 0,
      size: engine?.storedBytes ?? 0,
      plainSize: engine?.plainBytes ?? 0,
      liveSize: engine?.liveBytes ?? 0,
    },
    usage: { inodeCount: engine?.inodes ?? 0, size: engine?.bytes ?? 0 },
    // A `file` store is read in place: nothing is cached twice.
    cache: { usedSize: 0, limitSize: 0 },
    memory: { residentSize: state.residentSize },
    stateDirectory: stateDirectory.path,
    logPath: stateDirectory.log,
  };
}

function toStateName(state: string): VolumeStatus["state"] {
  switch (state) {
    case "serving":
    case "draining":
    case "starting":
    case "silent":
    case "dead":
      return state;
    case "restarting":
      return "recovering";
    default:
      return "failed";
  }
}

function reasonOf(state: MountState): { stateReason?: string } {
  const { crashLoop } = state.supervisor;
  if (crashLoop !== undefined) return { stateReason: crashLoop };
  const problem = state.engine?.problem;
  return problem === undefined ? {} : { stateReason: problem.message };
}

async function* sampleStats(
  mount: KnownMount,
  signal: AbortSignal,
  clock: SystemClock,
): AsyncGenerator<StatsSample> {
  let before = await askState(mount, signal);
  let beforeMs = clock.monotonicMs();
  while (!signal.aborted) {
    try {
      await clock.sleep(STATS_INTERVAL_MS, signal);
    } catch {
      return;
    }
    const after = await askState(mount, signal);
    const nowMs = clock.monotonicMs();
    if (before.engine !== undefined && after.engine !== undefined) {
      yield toSample(before.engine, after.engine, nowMs - beforeMs, after.residentSize);
    }
    before = after;
    beforeMs = nowMs;
  }
}

function toSample(
  before: EngineStateAnswer,
  after: EngineStateAnswer,
  intervalMs: number,
  residentSize: number,
): StatsSample {
  // After a restart the counters begin again.
  const since = (
    name:
      | "requests"
      | "operations"
      | "errors"
      | "readBytes"
      | "writtenBytes"
      | "flushes"
      | "packedBytes"
      | "busyMs",
  ): number => Math.max(0, after[name] - (after.requests < before.requests ? 0 : before[name]));
  return {
    intervalMs,
    requestCount: since("requests"),
    mutationCount: since("operations"),
    errorCount: since("errors"),
    readSize: since("readBytes"),
    writtenSize: since("writtenBytes"),
    flushCount: since("flushes"),
    latencyP50Us: quantileUs(before.latency, after.latency, 0.5),
    latencyP99Us: quantileUs(before.latency, after.latency, 0.99),
    packedSize: since("packedBytes"),
    cacheHitCount: 0,
    cacheMissCount: 0,
    journalUsedSize: after.journalBytes,
    unpackedSize: after.dirtyBytes + after.pendingBytes,
    waitingWriterCount: after.hasRoom ? 0 : 1,
    residentSize,
    engineBusyFraction: Math.min(1, since("busyMs") / intervalMs),
  };
}

/** Upper edge of the bucket that holds the quantile; undefined without a sample. */
function quantileUs(
  before: readonly number[],
  after: readonly number[],
  fraction: number,
): number | undefined {
  const counts = after.map((count, index) => Math.max(0, count - (before[index] ?? 0)));
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let seen = 0;
  const index = counts.findIndex((count) => (seen += count) >= total * fraction);
  return 2 ** (index + 1);
}

async function* followAccess(mount: KnownMount, signal: AbortSignal): AsyncGenerator<AccessEntry> {
  using client = await connect(mount);
  const batches = new EventEmitter();
  const ended = new AbortController();
  const call = client
    .call("access", { signal, onEvent: (batch) => batches.emit("batch", batch) })
    .catch((error: unknown) => {
      if (!signal.aborted) throw error;
    })
    .finally(() => ended.abort());
  try {
    for await (const [batch] of on(batches, "batch", { signal: ended.signal })) {
      yield* batch as AccessEntry[];
    }
  } catch (error) {
    if (!ended.signal.aborted) throw error;
  }
  await call;
}
