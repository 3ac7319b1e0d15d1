import { describe } from "node:test";
import { jsonRecordSuite } from "../../test/support/json-record-suite.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";

const A = "a".repeat(32);
const B = "b".repeat(32);

function suite(golden: string, value: Checkpoint): void {
  jsonRecordSuite({ golden, value, encode: encodeCheckpoint, decode: decodeCheckpoint });
}

describe("a checkpoint made over a tombstone", () => {
  suite(
    `{"format":1,"instant":{"timeline":"${A}","txid":5},"createdMs":1700000000000,"note":"before “it”",` +
      `"was":[{"timeline":"${B}","txid":2}]}\n`,
    {
      instant: { timeline: A, txid: 5 },
      createdMs: 1_700_000_000_000,
      note: "before “it”",
      was: [{ timeline: B, txid: 2 }],
    },
  );
});

describe("the tombstone of a checkpoint", () => {
  suite(`{"format":1,"createdMs":0,"note":"","was":[{"timeline":"${B}","txid":2}]}\n`, {
    createdMs: 0,
    note: "",
    was: [{ timeline: B, txid: 2 }],
  });
});
