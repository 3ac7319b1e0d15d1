/**
 * Runs the same works on several contenders in turn and keeps medians. Machines are shared and noisy: only ratios within
 * one run count, so contenders alternate work by work, and every other round backwards.
 *
 * A work may build on what the works before it in the same round left in the contender's directory of that round, which
 * is removed at the end of the round.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Contender, Placement } from "../contenders/contender.ts";
import type { Histogram } from "./histogram.ts";

export interface Measure {
  /** In the unit of the work. */
  readonly value: number;
  readonly latencies?: Histogram | undefined;
}

export interface Work {
  readonly name: string;
  /** "op", "MB", …: units a second. "s": seconds of one run. */
  readonly unit: string;
  /** Whether more is better; false for times and sizes. */
  readonly isRate: boolean;
  /** Undefined: this contender does not take part in it. */
  run(contender: Contender, directory: string): Promise<Measure | undefined>;
}

export interface Result {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Each run. */
  readonly values: readonly number[];
  /** Of single operations in us, all rounds together. */
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly maxUs?: number;
}

export interface Row {
  readonly work: string;
  readonly placement: Placement;
  readonly unit: string;
  readonly isRate: boolean;
  /** By contender. */
  readonly results: Readonly<Record<string, Result>>;
}

export interface RowFields {
  readonly work: string;
  readonly placement?: Placement;
  readonly unit: string;
  readonly isRate?: boolean;
  /** By contender, each run. */
  readonly values: Readonly<Record<string, readonly number[]>>;
  readonly latencies?: Histogram;
}

/** A row of what was not measured in a contest. */
export function makeRow(fields: RowFields): Row {
  const { work, placement = "default", unit, isRate = false, values, latencies } = fields;
  const results = Object.entries(values).map(
    ([name, runs]) => [name, summarize({ values: [...runs], latencies })] as const,
  );
  return { work, placement, unit, isRate, results: Object.fromEntries(results) };
}

interface Collected {
  readonly values: number[];
  latencies: Histogram | undefined;
}

export interface ContestOptions {
  readonly roundCount: number;
  /** What earlier contests of the same works found: their rounds count too. */
  readonly earlier?: readonly Row[];
  /** Prints every figure as it is found. */
  readonly isVerbose?: boolean;
  /** After each round, with all so far. */
  readonly onRound?: (rows: readonly Row[]) => void;
}

export async function contest(
  contenders: readonly Contender[],
  works: readonly Work[],
  { roundCount, earlier = [], onRound, isVerbose = false }: ContestOptions,
): Promise<Row[]> {
  const collected = collectEarlier(contenders, works, earlier);
  /** What a peer could not do once is not asked of it again. */
  const refused = new Map<Contender, Set<Work>>(
    contenders.map((contender) => [contender, new Set<Work>()]),
  );
  for (let round = 0; round < roundCount; round++) {
    const order = round % 2 === 0 ? contenders : contenders.toReversed();
    const roundOf = (contender: Contender): string => join(contender.directory, `round-${round}`);
    for (const contender of order) mkdirSync(roundOf(contender));
    for (const work of works) {
      for (const contender of order) {
        if (refused.get(contender)!.has(work)) continue;
        const measure = await runOne(work, contender, roundOf(contender));
        if (measure === "failed") refused.get(contender)!.add(work);
        else if (measure !== undefined) {
          if (isVerbose)
            console.log(
              `round ${round}: ${work.name}: ${contender.name} ${measure.value.toPrecision(4)}`,
            );
          collect(collected.get(contender)!, work, measure);
        }
      }
    }
    for (const contender of order) rmSync(roundOf(contender), { recursive: true, force: true });
    onRound?.(toRows(collected, works));
  }
  return toRows(collected, works);
}

function collectEarlier(
  contenders: readonly Contender[],
  works: readonly Work[],
  rows: readonly Row[],
): Map<Contender, Map<Work, Collected>> {
  return new Map(
    contenders.map((contender) => {
      const found = works.flatMap((work): [Work, Collected][] => {
        const row = rows.find(
          (row) => row.work === work.name && row.placement === contender.placement,
        );
        const values = row?.results[contender.name]?.values;
        return values === undefined ? [] : [[work, { values: [...values], latencies: undefined }]];
      });
      return [contender, new Map(found)];
    }),
  );
}

/** A peer that fails at something has no figure for it, and that is said; our own failure ends the run. */
async function runOne(
  work: Work,
  contender: Contender,
  directory: string,
): Promise<Measure | "failed" | undefined> {
  try {
    return await work.run(contender, directory);
  } catch (error) {
    if (!contender.isPeer) throw new Error(`${contender.name}: ${work.name}`, { cause: error });
    console.log(`${contender.name} cannot: ${work.name}: ${(error as Error).message}`);
    return "failed";
  }
}

function collect(byWork: Map<Work, Collected>, work: Work, measure: Measure): void {
  const before = byWork.get(work) ?? { values: [], latencies: undefined };
  byWork.set(work, before);
  before.values.push(measure.value);
  if (measure.latencies === undefined) return;
  if (before.latencies === undefined) before.latencies = measure.latencies;
  else before.latencies.merge(measure.latencies);
}

function toRows(
  collected: ReadonlyMap<Contender, ReadonlyMap<Work, Collected>>,
  works: readonly Work[],
): Row[] {
  const placements = [...new Set([...collected.keys()].map(({ placement }) => placement))];
  return placements.flatMap((placement) =>
    works.flatMap(({ name, unit, isRate }, at) => {
      const results: Record<string, Result> = {};
      for (const [contender, byWork] of collected) {
        const found = byWork.get(works[at]!);
        if (contender.placement !== placement || found === undefined) continue;
        results[contender.name] = summarize(found);
      }
      return Object.keys(results).length === 0
        ? []
        : [{ work: name, placement, unit, isRate, results }];
    }),
  );
}

function summarize({ values, latencies }: Collected): Result {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  const result = { median, min: sorted[0]!, max: sorted.at(-1)!, values };
  if (latencies === undefined || latencies.count === 0) return result;
  return {
    ...result,
    p50Us: latencies.quantile(0.5),
    p99Us: latencies.quantile(0.99),
    maxUs: latencies.maxUs,
  };
}
