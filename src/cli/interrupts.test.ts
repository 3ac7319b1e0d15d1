import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";
import { Interrupts } from "./interrupts.ts";

describe("an interrupt", () => {
  it("aborts once, and is answered each time", async () => {
    const source = new EventEmitter();
    let said = "";
    const interrupts = new Interrupts(source, (text) => {
      said += text;
    });
    const words = { first: "draining", further: "still draining" };
    await interrupts.during(words, async (signal) => {
      assert.equal(signal.aborted, false);
      source.emit("SIGINT");
      assert.equal(signal.aborted, true);
      source.emit("SIGTERM");
    });
    assert.equal(said, "draining\nstill draining\n");
  });

  it("is left to the system before and after the work, also when the work fails", async () => {
    const source = new EventEmitter();
    const interrupts = new Interrupts(source, () => {});
    const work = interrupts.during({ first: undefined, further: undefined }, async () => {
      assert.equal(source.listenerCount("SIGINT"), 1);
      throw new Error("failed");
    });
    await assert.rejects(work, { message: "failed" });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
      assert.equal(source.listenerCount(signal), 0);
    }
  });
});
