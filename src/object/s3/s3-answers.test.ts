import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deleteRequestBody, parseDeleteAnswer, parseListAnswer, plainTag } from "./s3-answers.ts";

const LIST = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Name>b</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
  <Contents><Key>a%2Bb/c+d%0A</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified>
    <ETag>&quot;abc&quot;</ETag><Size>12</Size><StorageClass>STANDARD</StorageClass></Contents>
</ListBucketResult>`;

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe("parseListAnswer", () => {
  it("reads objects, with times in whole seconds", () => {
    assert.deepEqual(parseListAnswer(bytes(LIST)), {
      truncated: true,
      objects: [
        { key: "a+b/c d\n", size: 12, tag: "abc", modifiedMs: Date.UTC(2026, 0, 2, 3, 4, 5) },
      ],
    });
  });

  it("takes keys as they are when the store does not encode them", () => {
    const text = LIST.replace("<EncodingType>url</EncodingType>", "");
    assert.equal(parseListAnswer(bytes(text)).objects[0]?.key, "a%2Bb/c+d%0A");
  });

  it("refuses what is no list, at every truncation and for every missing part", () => {
    for (let length = 0; length < LIST.length; length++) {
      assert.throws(() => parseListAnswer(bytes(LIST.slice(0, length))), { code: "EPROTO" });
    }
    const parts = ["IsTruncated", "Key", "LastModified", "ETag", "Size"];
    for (const part of parts) {
      const text = LIST.replaceAll(`${part}>`, "Other>");
      assert.throws(() => parseListAnswer(bytes(text)), { code: "EPROTO" }, part);
    }
    const others = ["<ListAllMyBucketsResult/>", LIST.replace("12<", "-1<"), "<html></html>"];
    for (const text of others)
      assert.throws(() => parseListAnswer(bytes(text)), { code: "EPROTO" });
    assert.throws(() => parseListAnswer(bytes(LIST.replace("%0A", "%zz"))), { code: "EPROTO" });
  });
});

describe("DeleteObjects", () => {
  it("tells which keys were not deleted", () => {
    const text = `<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b&amp;</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>`;
    const expected = [{ key: "b&", code: "AccessDenied", message: "no" }];
    assert.deepEqual(parseDeleteAnswer(bytes(text)), expected);
    assert.throws(() => parseDeleteAnswer(bytes("<Error/>")), { code: "EPROTO" });
  });

  it("writes keys so that XML keeps them, and not those it cannot hold", () => {
    const body = new TextDecoder().decode(deleteRequestBody(["a<&>\"'\n", "b"]));
    assert.match(body, /<Key>a&#60;&#38;&#62;&#34;&#39;&#10;<\/Key><\/Object><Object><Key>b</u);
    for (const key of ["a\u0001", "\u001f", "\uffff"]) {
      assert.equal(deleteRequestBody(["fine", key]), undefined);
    }
  });
});

describe("plainTag", () => {
  it("takes the quotes off, and leaves a weak tag as no condition meets it", () => {
    assert.deepEqual(['"a"', "a", 'W/"a"', '"'].map(plainTag), ["a", "a", 'W/"a"', '"']);
  });
});
