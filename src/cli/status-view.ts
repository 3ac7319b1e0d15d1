/** `shoal status` for people and for programs. */
import type { VolumeStatus } from "./actions.ts";
import { formatByteSize } from "./byte-size.ts";
import { formatDuration, formatInstant } from "./duration.ts";
import { styleFor, type Style } from "./style.ts";

/** Counts up when a name or a unit below it has to change. */
const JSON_SCHEMA = 1;
const LABEL_WIDTH = 14;
const LEVELS: Readonly<Record<VolumeStatus["durability"], string>> = {
  memory: "memory: fsync returns at once",
  disk: "disk: fsync returns when the journal is flushed",
};

export function statusJson(volumes: readonly VolumeStatus[]): string {
  return `${JSON.stringify({ schema: JSON_SCHEMA, volumes }, undefined, 2)}\n`;
}

export function statusText(volumes: readonly VolumeStatus[], hasColour: boolean): string {
  const style = styleFor(hasColour);
  if (volumes.length === 0) return "no volume is mounted\n";
  return volumes.map((volume) => volumeText(volume, style)).join("\n");
}

function volumeText(volume: VolumeStatus, style: Style): string {
  const { journal, unpacked, packs, usage, cache } = volume;
  const since = `since ${formatInstant(volume.mountedAtMs)} (${formatDuration(volume.uptimeMs)})`;
  const volumePid = volume.volumePid === undefined ? "" : `, volume process ${volume.volumePid}`;
  const rows: readonly (readonly [string, string])[] = [
    ["mounted on", `${volume.mountPoint} ${style.dim(since)}`],
    ["uuid", volume.uuid],
    ["state", stateText(volume, style)],
    ["processes", `supervisor ${volume.supervisorPid}${volumePid}`],
    ["durability", LEVELS[volume.durability]],
    ["journal", `${formatByteSize(journal.usedSize)} of ${formatByteSize(journal.limitSize)}`],
    ["not in packs", unpackedText(unpacked)],
    ["packs", packsText(packs)],
    ["files", `${countOf(usage.inodeCount, "inode")}, ${formatByteSize(usage.size)}`],
    ["cache", cacheText(cache)],
    ["memory", `${formatByteSize(volume.memory.residentSize)} resident`],
    ["restarts", `${volume.restartCount} after a crash`],
    ["state in", volume.stateDirectory],
    ["log", volume.logPath],
  ];
  const lines = rows.map(([label, value]) => `  ${label.padEnd(LABEL_WIDTH)}${value}`);
  return `${style.bold(volume.volume)}\n${lines.join("\n")}\n`;
}

function stateText(volume: VolumeStatus, style: Style): string {
  const reason = volume.stateReason === undefined ? "" : `: ${volume.stateReason}`;
  const access = volume.readOnly ? ", read-only" : "";
  const isWell = !["failed", "silent", "dead"].includes(volume.state);
  const state = isWell ? style.green(volume.state) : style.red(volume.state);
  return `${state}${access}${reason}`;
}

function unpackedText(unpacked: VolumeStatus["unpacked"]): string {
  if (unpacked.size === 0 && unpacked.operationCount === 0) return "nothing";
  const operations = countOf(unpacked.operationCount, "operation");
  return `${formatByteSize(unpacked.size)}, ${operations}, oldest ${formatDuration(unpacked.ageMs)} ago`;
}

function packsText(packs: VolumeStatus["packs"]): string {
  if (packs.count === 0) return "none";
  const live = packs.plainSize === 0 ? 100 : Math.round((packs.liveSize / packs.plainSize) * 100);
  return `${formatCount(packs.count)}, ${formatByteSize(packs.size)}, ${live} % of it live`;
}

/** A volume on the same disk is read where it lies: nothing is kept twice. */
function cacheText({ usedSize, limitSize }: VolumeStatus["cache"]): string {
  if (limitSize === 0) return "none";
  return `${formatByteSize(usedSize)} of ${formatByteSize(limitSize)}`;
}

function countOf(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** 12345678 becomes "12,345,678". */
function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/gu, ",");
}
