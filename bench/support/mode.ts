/** How much a benchmark does: a smoke run shows that everything works, a full one gives figures. */
import { type Placement, PLACEMENTS } from "../contenders/contender.ts";

export interface Mode {
  readonly isFull: boolean;
  /** Interleaved runs whose median is reported. */
  readonly roundCount: number;
  /** Rounds count besides those that an earlier run kept, which was on the same code and machine. */
  readonly isAdding: boolean;
  /** Only this one, to spread a long benchmark over several runs; undefined: each in turn. */
  readonly placement: Placement | undefined;
}

/** `--full`, `--rounds=N`, `--add`, `--placement=default`, `--placement=one-cpu`. */
export function readMode(args: readonly string[] = process.argv.slice(2)): Mode {
  const isFull = args.includes("--full");
  const rounds = valueOf(args, "--rounds=");
  const placement = valueOf(args, "--placement=")?.replace("one-cpu", "one CPU");
  return {
    isFull,
    isAdding: args.includes("--add"),
    roundCount: rounds === undefined ? (isFull ? 5 : 1) : Number(rounds),
    placement: PLACEMENTS.find((known) => known === placement),
  };
}

export function pick<T>(mode: Mode, smoke: T, full: T): T {
  return mode.isFull ? full : smoke;
}

function valueOf(args: readonly string[], option: string): string | undefined {
  return args.find((arg) => arg.startsWith(option))?.slice(option.length);
}
