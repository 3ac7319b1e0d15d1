/**
 * The figures of docs/performance.md, as Markdown, from what full runs left in bench/results. The rest of that page is
 * written by people and kept: only what stands between `<!-- table NAME -->` or `<!-- marks -->` and `<!-- end -->` is
 * replaced.
 */
import type { Row } from "./contest.ts";
import { type Mark, MARKS } from "./marks.ts";
import { baseOf, formatRatio, formatValue, ratioOf, unitOf } from "./print-rows.ts";
import type { TableResult } from "./results.ts";

const SECTION = /<!-- (table (?<table>[\w-]+)|marks) -->\n[\s\S]*?<!-- end -->/gu;

/** `page` with the figures of `results` in it. */
export function fillReport(page: string, results: ReadonlyMap<string, TableResult>): string {
  return page.replaceAll(SECTION, (section: string, ...rest: unknown[]) => {
    const { table } = rest.at(-1) as { readonly table?: string };
    const head = section.slice(0, section.indexOf("\n"));
    const found = table === undefined ? undefined : results.get(table);
    const body =
      table === undefined
        ? marksTable(results)
        : found === undefined
          ? "Not measured yet."
          : tableOf(found);
    return `${head}\n\n${body}\n\n<!-- end -->`;
  });
}

function tableOf({ rows, notes, date, commit, machine, versions }: TableResult): string {
  const names = [...new Set(rows.flatMap(({ results }) => Object.keys(results)))];
  const others = names.filter(
    (name) => !name.startsWith("shoal") && name !== "ext4" && name !== "disk",
  );
  const ours = names.filter((name) => name.startsWith("shoal"));
  const base = rows.map(baseOf).find((name) => name !== undefined);
  const head = [
    "work",
    "unit",
    ...(base === undefined ? [] : [base]),
    ...ours.flatMap((name) => (base === undefined ? [name] : [name, `of ${base}`])),
    ...others.flatMap((name) => [name, "we are"]),
  ];
  const lines = rows.map((row) => [
    row.work,
    unitOf(row),
    ...(base === undefined ? [] : [cell(row, base)]),
    ...ours.flatMap((name) =>
      base === undefined ? [spread(row, name)] : [cell(row, name), ratio(row, name, base)],
    ),
    ...others.flatMap((name) => [cell(row, name), times(ratio(row, "shoal", name))]),
  ]);
  const runs = Math.max(
    ...rows.flatMap(({ results }) => Object.values(results).map((r) => r.values.length)),
  );
  const programs = Object.entries(versions).filter(
    ([name]) => name === "node" || others.some((other) => other.startsWith(name.split(" ")[0]!)),
  );
  const source = [
    `Medians of ${runs} ${runs === 1 ? "run" : "interleaved runs"}, ${date}, commit ${commit}.`,
    `${machine.cpuCount} CPUs (${machine.cpu}), ${machine.memoryGib} GiB, Linux ${machine.kernel}; ${programs.map(([name, version]) => `${name} ${version}`).join("; ")}.`,
    ...notes,
  ];
  return `${markdownTable(head, lines)}\n\n${source.join(" ")}`;
}

function marksTable(results: ReadonlyMap<string, TableResult>): string {
  const lines = MARKS.map((mark) => {
    const row = results
      .get(mark.table)
      ?.rows.find(({ work, placement }) => work === mark.work && placement === mark.placement);
    const reached = row === undefined ? undefined : reach(mark, row, results);
    const verdict =
      reached === undefined ? "not measured" : reached.isMet ? "reached" : "**missed**";
    return [
      mark.placement === "default" ? mark.work : `${mark.work}, ${mark.placement}`,
      demandOf(mark, row),
      reached?.text ?? "–",
      verdict,
    ];
  });
  return markdownTable(["work", "demanded", "found", ""], lines);
}

interface Reached {
  readonly text: string;
  readonly isMet: boolean;
}

function reach(
  mark: Mark,
  row: Row,
  results: ReadonlyMap<string, TableResult>,
): Reached | undefined {
  const ours = row.results["shoal"];
  if (ours === undefined) return undefined;
  if (mark.atMost !== undefined) {
    const value = ours[mark.atMost.of];
    return { text: `${formatValue(value)} ${row.unit}`, isMet: value <= mark.atMost.value };
  }
  const { factor, over, overWork = row.work } = mark.atLeast!;
  const other = results
    .get(mark.table)
    ?.rows.find(({ work, placement }) => work === overWork && placement === row.placement)?.results[
    over
  ];
  if (other === undefined) return undefined;
  const found = row.isRate ? ours.median / other.median : other.median / ours.median;
  return { text: formatRatio(found), isMet: found >= factor };
}

function demandOf({ atLeast, atMost }: Mark, row: Row | undefined): string {
  if (atMost !== undefined) {
    const what = atMost.of === "max" ? "the longest at most" : "at most";
    return `${what} ${atMost.value} ${row?.unit ?? ""}`.trim();
  }
  const { factor, over, overWork } = atLeast!;
  return `${factor} times ${over}${overWork === undefined ? "" : ` at \`${overWork}\``}`;
}

function cell(row: Row, name: string): string {
  const found = row.results[name];
  return found === undefined ? "–" : formatValue(found.median);
}

/** The median, and how far the runs were apart when there were several. */
function spread(row: Row, name: string): string {
  const found = row.results[name];
  if (found === undefined) return "–";
  if (found.values.length === 1) return formatValue(found.median);
  return `${formatValue(found.median)} (${formatValue(found.min)} to ${formatValue(found.max)})`;
}

function ratio(row: Row, name: string, base: string): string {
  const isThere = row.results[name] !== undefined && row.results[base] !== undefined;
  return isThere ? ratioOf(row, name, base) : "–";
}

function times(text: string): string {
  return text === "–" ? text : `${text} ×`;
}

/** Aligned, as the formatter wants it. */
function markdownTable(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) =>
    Math.max(3, title.length, ...lines.map((line) => line[i]!.length)),
  );
  const format = (cells: readonly string[]): string =>
    `| ${cells.map((text, i) => text.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [format(head), rule, ...lines.map(format)].join("\n");
}
