import { describe } from "node:test";
import { jsonRecordSuite } from "../../test/support/json-record-suite.ts";
import { type BranchHead, decodeBranchHead, encodeBranchHead } from "./branch-head.ts";

const A = "a".repeat(32);
const B = "b".repeat(32);
const C = "c".repeat(32);

const HELD: BranchHead = {
  epoch: 7,
  timeline: A,
  isBorn: false,
  previous: [{ timeline: B, shippedTxid: 9 }],
  nonce: C,
  shippedTxid: 0,
  origin: { timeline: B, txid: 1 },
  base: { timeline: B, txid: 3 },
  lineage: [{ timeline: B, txid: 3 }],
  holder: {
    host: "one",
    machineId: "m",
    bootId: "b",
    pid: 12,
    startTicks: 34,
    stateDirectory: "/var/lib/shoal/x",
    sinceMs: 1_700_000_000_000,
  },
  isDeleted: false,
  was: [{ timeline: C, txid: 2 }],
};

const RELEASED: BranchHead = {
  epoch: 0,
  timeline: A,
  isBorn: true,
  previous: [],
  nonce: C,
  shippedTxid: 12,
  lineage: [],
  isDeleted: true,
  was: [],
};

describe("the head of a branch that is being restored", () => {
  jsonRecordSuite({
    golden:
      `{"format":1,"epoch":7,"timeline":"${A}","born":false,"previous":[{"timeline":"${B}","shippedTxid":9}],` +
      `"nonce":"${C}","shippedTxid":0,"origin":{"timeline":"${B}","txid":1},"base":{"timeline":"${B}","txid":3},` +
      `"lineage":[{"timeline":"${B}","txid":3}],"holder":{"host":"one","machineId":"m","bootId":"b","pid":12,` +
      `"startTicks":34,"stateDirectory":"/var/lib/shoal/x","sinceMs":1700000000000},"deleted":false,` +
      `"was":[{"timeline":"${C}","txid":2}]}\n`,
    value: HELD,
    encode: encodeBranchHead,
    decode: decodeBranchHead,
  });
});

describe("the tombstone of a branch", () => {
  jsonRecordSuite({
    golden:
      `{"format":1,"epoch":0,"timeline":"${A}","born":true,"previous":[],"nonce":"${C}","shippedTxid":12,` +
      `"lineage":[],"deleted":true,"was":[]}\n`,
    value: RELEASED,
    encode: encodeBranchHead,
    decode: decodeBranchHead,
  });
});
