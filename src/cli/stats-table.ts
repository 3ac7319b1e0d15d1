/** `shoal stats`: one line a sample, in columns as vmstat(8) has them. */
import type { StatsSample } from "./actions.ts";
import { formatByteSize } from "./byte-size.ts";

interface Column {
  readonly group: string;
  readonly title: string;
  readonly width: number;
  readonly text: (sample: StatsSample) => string;
}

const COLUMNS: readonly Column[] = [
  count("requests/s", "all", (sample) => sample.requestCount),
  count("requests/s", "chg", (sample) => sample.mutationCount),
  count("requests/s", "err", (sample) => sample.errorCount),
  latency("µs", "p50", (sample) => sample.latencyP50Us),
  latency("µs", "p99", (sample) => sample.latencyP99Us),
  rate("bytes/s", "read", (sample) => sample.readSize),
  rate("bytes/s", "write", (sample) => sample.writtenSize),
  rate("bytes/s", "pack", (sample) => sample.packedSize),
  count("", "fsync/s", (sample) => sample.flushCount),
  size("held", "journal", (sample) => sample.journalUsedSize),
  size("held", "unpack", (sample) => sample.unpackedSize),
  size("held", "memory", (sample) => sample.residentSize),
  column("", "wait", 4, (sample) => String(sample.waitingWriterCount)),
  column("", "hit%", 4, (sample) => hitText(sample)),
  column("", "cpu%", 4, (sample) => String(Math.round(sample.engineBusyFraction * 100))),
];

/** Said again every so many lines, so that it is always on the screen. */
export const STATS_HEADER_EVERY = 20;

/** Two lines: groups, then titles. */
export function statsHeader(): string {
  const titles = COLUMNS.map(({ title, width }) => title.padStart(width)).join(" ");
  return `${groupLine()}\n${titles}\n`;
}

export function statsLine(sample: StatsSample): string {
  return `${COLUMNS.map(({ text, width }) => text(sample).padStart(width)).join(" ")}\n`;
}

function groupLine(): string {
  const parts: string[] = [];
  for (let at = 0; at < COLUMNS.length;) {
    const { group } = COLUMNS[at]!;
    let width = -1;
    for (; COLUMNS[at]?.group === group; at++) width += COLUMNS[at]!.width + 1;
    parts.push(group === "" ? " ".repeat(width) : centre(` ${group} `, width));
  }
  return parts.join(" ").trimEnd();
}

function centre(text: string, width: number): string {
  const left = Math.max(0, Math.floor((width - text.length) / 2));
  return text
    .padStart(text.length + left, "-")
    .padEnd(width, "-")
    .slice(0, Math.max(width, 0));
}

function column(
  group: string,
  title: string,
  width: number,
  text: (sample: StatsSample) => string,
): Column {
  return { group, title, width, text };
}

function count(group: string, title: string, of: (sample: StatsSample) => number): Column {
  return column(group, title, 7, (sample) => String(Math.round(perSecond(sample, of(sample)))));
}

function rate(group: string, title: string, of: (sample: StatsSample) => number): Column {
  return column(group, title, 8, (sample) =>
    formatByteSize(Math.round(perSecond(sample, of(sample)))),
  );
}

function size(group: string, title: string, of: (sample: StatsSample) => number): Column {
  return column(group, title, 8, (sample) => formatByteSize(of(sample)));
}

function latency(
  group: string,
  title: string,
  of: (sample: StatsSample) => number | undefined,
): Column {
  return column(group, title, 6, (sample) => {
    const value = of(sample);
    return value === undefined ? "-" : String(Math.round(value));
  });
}

function perSecond(sample: StatsSample, value: number): number {
  return (value * 1000) / sample.intervalMs;
}

function hitText({ cacheHitCount, cacheMissCount }: StatsSample): string {
  const total = cacheHitCount + cacheMissCount;
  return total === 0 ? "-" : String(Math.floor((cacheHitCount / total) * 100));
}
