import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { spanOf } from "./lz4-block.ts";
import { XxHash32 } from "./xxhash32.ts";

function hashOf(...pieces: readonly Uint8Array[]): string {
  const hash = new XxHash32();
  for (const piece of pieces) hash.update(spanOf(piece).view, 0, piece.length);
  return hash.digest().toString(16).padStart(8, "0");
}

describe("xxHash32", () => {
  it("has the published values", () => {
    const text = (value: string): Uint8Array => new TextEncoder().encode(value);
    assert.equal(hashOf(), "02cc5d05");
    assert.equal(hashOf(text("a")), "550d7456");
    assert.equal(hashOf(text("123456789")), "937bad67");
    assert.equal(hashOf(text("Nobody inspects the spammish repetition")), "e2293b2f");
  });

  it("is the same for bytes that come in any pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (pieces) => {
        assert.equal(hashOf(...pieces), hashOf(Buffer.concat(pieces)));
      }),
    );
  });
});
