/** Rows for people who watch: medians, and in brackets how many times as fast as the disk. */
import type { Row } from "./contest.ts";

export function printRows(rows: readonly Row[]): void {
  const width = Math.max(0, ...rows.map((row) => nameOf(row).length));
  for (const row of rows) {
    const base = baseOf(row);
    const cells = Object.entries(row.results).map(([name, { median }]) => {
      const ratio = base === undefined || name === base ? "" : ` (${ratioOf(row, name, base)})`;
      return `${name} ${formatValue(median)}${ratio}`;
    });
    console.log(`${nameOf(row).padEnd(width)}  ${unitOf(row).padEnd(7)}  ${cells.join("   ")}`);
  }
}

/** The contender that the others are compared with. */
export function baseOf(row: Row): string | undefined {
  return ["ext4", "disk"].find((name) => row.results[name] !== undefined);
}

/** How many times as good `name` is as `base`: twice as fast is 2, whether rates or times were measured. */
export function ratioOf(row: Row, name: string, base: string): string {
  const [a, b] = [row.results[name]!.median, row.results[base]!.median];
  return formatRatio(row.isRate ? a / b : b / a);
}

export function formatRatio(ratio: number): string {
  return ratio >= 10 ? ratio.toFixed(0) : ratio >= 1 ? ratio.toFixed(1) : ratio.toFixed(2);
}

export function formatValue(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function unitOf({ unit, isRate }: Row): string {
  return isRate ? `${unit}/s` : unit;
}

function nameOf({ work, placement }: Row): string {
  return placement === "default" ? work : `${work}, ${placement}`;
}
