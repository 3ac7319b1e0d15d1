/**
 * A mount's log: one line an event, appended to a descriptor that the supervisor and its volume processes share.
 *
 * What always holds: a line is one write to a file open for appending, so lines of several processes do not mix; the
 * log takes at most (1 + KEPT_COUNT) times LOG_SIZE_MAX plus what is written between two looks at its size.
 * It is rotated at the start, and copied away and emptied while in use (every writer appends, so nobody need reopen it).
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Log, LogLevel } from "../core/log.ts";
import { wrapSystemError } from "../core/system-error.ts";

/** Months of a healthy mount, a day of a sick one. */
export const LOG_SIZE_MAX: number = 8 * 1024 * 1024;
/** Older logs: shoal.log.1 to shoal.log.3. */
const KEPT_COUNT = 3;
/** A field's value is cut here; a log is no place for data. */
const VALUE_SIZE_MAX = 2000;

/** Opens the log for appending, the last one moved away when it is full. The caller closes the descriptor. */
export function openLogFile(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const fd = openSync(path, "a", 0o600);
    if (fstatSync(fd).size < LOG_SIZE_MAX) return fd;
    closeSync(fd);
    shiftKept(path);
    renameSync(path, `${path}.1`);
    return openSync(path, "a", 0o600);
  } catch (error) {
    throw wrapSystemError(error, `opening the log ${path}`);
  }
}

/** While `fd` is in use: copies a full log away and empties it. True when it did. */
export function rotateInUse(path: string, fd: number): boolean {
  if (fstatSync(fd).size < LOG_SIZE_MAX) return false;
  shiftKept(path);
  copyFileSync(path, `${path}.1`);
  ftruncateSync(fd, 0);
  return true;
}

export interface LineLogOptions {
  readonly fd: number;
  readonly clock: Clock;
  /** Before every message. */
  readonly name: string;
  /** Lines below it are dropped. */
  readonly level?: LogLevel;
}

const RANKS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** `2026-01-02T03:04:05.678Z warn supervisor[123] message key=value`. A log that cannot be written is no reason to stop. */
export class LineLog implements Log {
  readonly #options: LineLogOptions;

  constructor(options: LineLogOptions) {
    this.#options = options;
  }

  debug(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#line("debug", message, fields);
  }
  info(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#line("info", message, fields);
  }
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#line("warn", message, fields);
  }
  error(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#line("error", message, fields);
  }
  child(name: string): Log {
    return new LineLog({ ...this.#options, name: `${this.#options.name} ${name}` });
  }

  #line(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void {
    const { fd, clock, name } = this.#options;
    if (RANKS[level] < RANKS[this.#options.level ?? "info"]) return;
    const time = new Date(clock.nowMs()).toISOString();
    let line = `${time} ${level} ${name}[${process.pid}] ${oneLine(message)}`;
    for (const [key, value] of Object.entries(fields ?? {})) line += ` ${key}=${shown(value)}`;
    try {
      writeSync(fd, `${line}\n`);
    } catch {
      // The disk is full or the terminal is gone; the mount goes on.
    }
  }
}

function shown(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message).slice(0, VALUE_SIZE_MAX);
  const text = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "bigint" ? inner.toString() : inner,
  );
  return (text ?? "undefined").slice(0, VALUE_SIZE_MAX);
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " | ").slice(0, VALUE_SIZE_MAX);
}

function shiftKept(path: string): void {
  for (let kept = KEPT_COUNT - 1; kept >= 1; kept--) {
    if (existsSync(`${path}.${kept}`)) renameSync(`${path}.${kept}`, `${path}.${kept + 1}`);
  }
}
