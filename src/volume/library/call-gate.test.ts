import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CALL_COUNT_MAX, CALL_SIZE_MAX, CallGate } from "./call-gate.ts";

/** Tells in which order calls of these sizes entered. */
function gateWith(sizes: readonly number[]): { gate: CallGate; entered: number[] } {
  const gate = new CallGate();
  const entered: number[] = [];
  for (const [index, size] of sizes.entries()) gate.pass(size, () => entered.push(index));
  return { gate, entered };
}

describe("CallGate", () => {
  it("lets calls in at once while there is room, and the others as room is given back", () => {
    const half = CALL_SIZE_MAX / 2;
    const { gate, entered } = gateWith([half, half, 1, 0]);
    assert.deepEqual(entered, [0, 1]);
    gate.leave(half);
    assert.deepEqual(entered, [0, 1, 2, 3]);
  });

  it("lets no small call pass a large one that came before it", () => {
    const { gate, entered } = gateWith([1, CALL_SIZE_MAX, 0]);
    assert.deepEqual(entered, [0]);
    gate.leave(1);
    assert.deepEqual(entered, [0, 1, 2]);
  });

  it("lets a call that is larger than all the room in alone", () => {
    const { gate, entered } = gateWith([CALL_SIZE_MAX + 1, 1]);
    assert.deepEqual(entered, [0]);
    gate.leave(CALL_SIZE_MAX + 1);
    assert.deepEqual(entered, [0, 1]);
  });

  it("counts calls too", () => {
    const { gate, entered } = gateWith(Array.from({ length: CALL_COUNT_MAX + 1 }, () => 0));
    assert.equal(entered.length, CALL_COUNT_MAX);
    gate.leave(0);
    assert.equal(entered.length, CALL_COUNT_MAX + 1);
  });
});
