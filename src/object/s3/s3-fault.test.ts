import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HttpAnswer } from "./http-exchange.ts";
import { asksForLess, faultError, faultOf } from "./s3-fault.ts";

function answer(status: number, body = "", headers: HttpAnswer["headers"] = {}): HttpAnswer {
  return { status, headers, body: new TextEncoder().encode(body) };
}

function xml(code: string, more = ""): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>Why not</Message>${more}</Error>`;
}

describe("faultOf", () => {
  it("reads code, words, region and the request's id", () => {
    const body = xml("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>");
    const fault = faultOf(answer(400, body, { "x-amz-request-id": "id-1" }));
    assert.deepEqual(fault, {
      status: 400,
      code: "AuthorizationHeaderMalformed",
      message: "Why not",
      region: "eu-west-1",
      requestId: "id-1",
    });
  });

  it("makes do without a body, with HTML, with XML that is cut, and with other XML", () => {
    for (const body of ["", "<html><body>404</body></html>", xml("X").slice(0, -8), "<a/>"]) {
      assert.equal(faultOf(answer(404, body)).code, "", body);
    }
  });
});

describe("faultError", () => {
  const cases: readonly (readonly [number, string, string, boolean])[] = [
    [403, "AccessDenied", "EACCES", false],
    [403, "", "EACCES", false],
    [404, "NoSuchBucket", "ENODEV", false],
    [404, "", "EPROTO", false],
    [301, "PermanentRedirect", "EPROTO", false],
    [400, "BadDigest", "EIO", true],
    [400, "InvalidArgument", "EINVAL", false],
    [409, "OperationAborted", "EAGAIN", true],
    [429, "", "EAGAIN", true],
    [500, "InternalError", "EIO", true],
    [501, "NotImplemented", "EOPNOTSUPP", false],
    [503, "SlowDown", "EAGAIN", true],
    [507, "", "ENOSPC", true],
  ];
  for (const [status, code, expected, retryable] of cases) {
    it(`makes ${expected} of ${status} ${code}, ${retryable ? "" : "not "}to be retried`, () => {
      const fault = faultOf(answer(status, code === "" ? "" : xml(code)));
      const error = faultError(fault, "create a/b in s3://bucket at https://host");
      assert.deepEqual([error.code, error.retryable], [expected, retryable]);
      assert.match(error.message, /^cannot create a\/b in s3:\/\/bucket at https:\/\/host: /u);
      assert.match(error.message, new RegExp(`${status} ?${code}`, "u"));
    });
  }

  it("never shows more of an answer than its code and words, and not all of those", () => {
    const secret = "<StringToSign>verysecret</StringToSign>";
    const fault = faultOf(answer(403, xml("SignatureDoesNotMatch", secret)));
    const long = { ...fault, message: "w".repeat(10_000) };
    for (const one of [fault, long]) {
      const { message } = faultError(one, "x");
      assert.equal(message.includes("verysecret"), false);
      assert.equal(message.length < 800, true);
    }
  });

  it("knows when a store asks for less", () => {
    for (const status of [429, 503]) assert.equal(asksForLess(faultOf(answer(status))), true);
    assert.equal(asksForLess(faultOf(answer(500))), false);
  });
});
