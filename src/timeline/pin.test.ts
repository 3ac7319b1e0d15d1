import { describe } from "node:test";
import { jsonRecordSuite } from "../../test/support/json-record-suite.ts";
import { decodePin, encodePin } from "./pin.ts";

describe("a pin", () => {
  const timeline = "a".repeat(32);
  jsonRecordSuite({
    golden: `{"format":1,"instant":{"timeline":"${timeline}","txid":5},"createdMs":12}\n`,
    value: { instant: { timeline, txid: 5 }, createdMs: 12 },
    encode: encodePin,
    decode: decodePin,
  });
});
