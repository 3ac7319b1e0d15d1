import { describe } from "node:test";
import { jsonRecordSuite } from "../../test/support/json-record-suite.ts";
import {
  decodeTimelineRecord,
  encodeTimelineRecord,
  type TimelineRecord,
  VOID_TIMELINE,
} from "./timeline-record.ts";

const A = "a".repeat(32);
const B = "b".repeat(32);

function suite(golden: string, value: TimelineRecord): void {
  jsonRecordSuite({ golden, value, encode: encodeTimelineRecord, decode: decodeTimelineRecord });
}

describe("timeline.json of a timeline that a restore began", () => {
  suite(
    `{"format":1,"kind":"real","branch":"main","epoch":3,"parent":{"timeline":"${A}","txid":5},` +
      `"sealed":{"timeline":"${B}","txid":8}}\n`,
    {
      kind: "real",
      branch: "main",
      epoch: 3,
      parent: { timeline: A, txid: 5 },
      sealed: { timeline: B, txid: 8 },
    },
  );
});

describe("timeline.json of the first timeline", () => {
  suite('{"format":1,"kind":"real","branch":"main","epoch":1}\n', {
    kind: "real",
    branch: "main",
    epoch: 1,
  });
});

describe("timeline.json of a timeline that never began", () => {
  suite('{"format":1,"kind":"void"}\n', VOID_TIMELINE);
});
