import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StatsSample } from "./actions.ts";
import { statsHeader, statsLine } from "./stats-table.ts";

const sample: StatsSample = {
  intervalMs: 500,
  requestCount: 6000,
  mutationCount: 100,
  errorCount: 1,
  readSize: 1024 ** 2,
  writtenSize: 0,
  flushCount: 3,
  latencyP50Us: 12.3,
  latencyP99Us: undefined,
  packedSize: 2048,
  cacheHitCount: 99,
  cacheMissCount: 1,
  journalUsedSize: 12 * 1024 ** 2,
  unpackedSize: 1024,
  waitingWriterCount: 4,
  residentSize: 180 * 1024 ** 2,
  engineBusyFraction: 0.42,
};

describe("the table of statistics", () => {
  it("gives rates a second, whatever the interval, and a dash for what there is not", () => {
    const words = statsLine(sample).trim().split(/\s+/u).join(" ");
    assert.equal(words, "12000 200 2 12 - 2.0 MiB 0 B 4.0 KiB 6 12 MiB 1.0 KiB 180 MiB 4 99 42");
    assert.match(statsLine({ ...sample, cacheHitCount: 0, cacheMissCount: 0 }), / - +42\n$/u);
  });

  it("keeps titles, groups and values in line", () => {
    const [groups, titles] = statsHeader().split("\n");
    const line = statsLine(sample).trimEnd();
    assert.equal(titles!.length, line.length);
    assert.ok(groups!.length <= titles!.length);
    assert.equal(titles!.indexOf("journal") + "journal".length, line.indexOf("12 MiB") + 6);
    assert.match(groups!, /requests\/s.*µs.*bytes\/s.*held/u);
  });
});
