import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fillReport } from "../../bench/support/report.ts";
import { readResults, type TableResult } from "../../bench/support/results.ts";

const PAGE = join(import.meta.dirname, "..", "..", "docs", "performance.md");

function resultOf(shoal: number, ext4: number): TableResult {
  const figure = (median: number) => ({ median, min: median, max: median, values: [median] });
  return {
    table: "metadata",
    date: "2026-01-01T00:00Z",
    commit: "0",
    machine: { cpu: "a CPU", cpuCount: 2, memoryGib: 24, kernel: "6.18" },
    versions: { node: "v26" },
    notes: ["A note."],
    rows: [
      {
        work: "rename",
        placement: "default",
        unit: "op",
        isRate: true,
        results: { ext4: figure(ext4), shoal: figure(shoal) },
      },
    ],
  };
}

function fill(page: string, shoal: number, ext4: number): string {
  return fillReport(page, new Map([["metadata", resultOf(shoal, ext4)]]));
}

/** The line of the table of marks that is about rename and ext4. */
function verdictOf(shoal: number, ext4: number): string {
  const page = fill("<!-- marks -->\n<!-- end -->\n", shoal, ext4);
  return page.split("\n").find((line) => /^\| rename +\| 0.3 times ext4/u.test(line)) ?? "";
}

describe("the report", () => {
  it("puts a table where it belongs and keeps every other word", () => {
    const page = "# Before\n<!-- table metadata -->\nold\n<!-- end -->\nAfter.\n";
    const filled = fill(page, 500, 1000);
    assert.match(filled, /^# Before\n<!-- table metadata -->\n\n\| work +\| unit/u);
    assert.match(filled, /\| rename \| op\/s \| 1,000 \| 500 +\| 0\.50/u);
    assert.match(filled, /A note\.\n\n<!-- end -->\nAfter\.\n$/u);
    assert.doesNotMatch(filled, /old/u);
  });

  it("changes nothing when it is made again", () => {
    const once = fill(
      "<!-- table metadata -->\n<!-- end -->\n<!-- marks -->\n<!-- end -->\n",
      1,
      2,
    );
    assert.equal(fill(once, 1, 2), once);
  });

  it("says of a mark whether it was reached", () => {
    assert.match(verdictOf(300, 1000), /\| 0\.30 +\| reached/u);
    assert.match(verdictOf(299, 1000), /\| \*\*missed\*\*/u);
    assert.match(fillReport("<!-- marks -->\n<!-- end -->", new Map()), /not measured/u);
  });

  it("is what docs/performance.md holds", () => {
    const page = readFileSync(PAGE, "utf8");
    assert.equal(fillReport(page, readResults()), page, "npm run bench -- --report");
  });
});
