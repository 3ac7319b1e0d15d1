import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { quote, toBuffer, toBytes, toText } from "./path-bytes.ts";

describe("path bytes", () => {
  it("are the UTF-8 of a text, one character a byte", () => {
    assert.equal(toBytes("/é€"), "/\xc3\xa9\xe2\x82\xac");
    assert.equal(toText("/\xc3\xa9\xe2\x82\xac"), "/é€");
  });

  it("come back from every well-formed text and from all bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => toText(toBytes(text)) === text),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => toBuffer(toBytes(bytes)).equals(Buffer.from(bytes))),
    );
  });

  it("of a part of a buffer are of that part", () => {
    assert.equal(toBytes(Buffer.from("xxnamexx").subarray(2, 6)), "name");
  });

  it("refuse what is neither text nor bytes with EINVAL", () => {
    assert.throws(() => toBytes(7 as unknown as string), { code: "EINVAL" });
  });

  it("are quoted for messages", () => {
    assert.equal(quote(new Uint8Array([0x61, 0x0a, 0xff])), '"a\\n\ufffd"');
  });
});
