import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { jsonRecordSuite } from "../../test/support/json-record-suite.ts";
import { TimelineFixture } from "../../test/support/timeline-fixture.ts";
import { decodeFloors, encodeFloors, raiseFloors, readFloors } from "./floors.ts";

const A = "a".repeat(32);
const B = "b".repeat(32);

describe("the published floors", () => {
  jsonRecordSuite({
    golden: `{"format":1,"floors":[{"timeline":"${A}","txid":5},{"timeline":"${B}","txid":1}]}\n`,
    value: new Map([
      [A, 5],
      [B, 1],
    ]),
    encode: encodeFloors,
    decode: decodeFloors,
  });

  it("go up only, and only over what was seen", async () => {
    const { context } = new TimelineFixture();
    const none = await readFloors(context);
    assert.ok(await raiseFloors(context, none, new Map([[A, 5]])));
    assert.ok(!(await raiseFloors(context, none, new Map([[A, 9]]))), "not what was seen");
    const seen = await readFloors(context);
    assert.ok(
      await raiseFloors(
        context,
        seen,
        new Map([
          [A, 3],
          [B, 2],
        ]),
      ),
    );
    const { floors } = await readFloors(context);
    assert.deepEqual(
      [...floors],
      [
        [A, 5],
        [B, 2],
      ],
    );
  });
});
