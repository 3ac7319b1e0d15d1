import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { formatByteSize, parseByteSize } from "./byte-size.ts";
import { UsageError } from "./usage-error.ts";

describe("a size on the command line", () => {
  it("is read with units of 1024, in either case, with or without iB", () => {
    const expected: Readonly<Record<string, number>> = {
      "1": 1,
      "4096B": 4096,
      "512M": 512 * 1024 ** 2,
      "512m": 512 * 1024 ** 2,
      "4GiB": 4 * 1024 ** 3,
      "1.5K": 1536,
      " 2 T ": 2 * 1024 ** 4,
    };
    for (const [text, size] of Object.entries(expected))
      assert.equal(parseByteSize(text, "x"), size);
  });

  it("is refused, naming the option, when it is ambiguous, empty, negative, zero or too large", () => {
    for (const text of [
      "",
      "M",
      "-1",
      "1MB",
      "1 kB",
      "1e3",
      "0",
      "0.0001K",
      "9999999T",
      "4G4",
      "NaN",
    ]) {
      assert.throws(
        () => parseByteSize(text, "--memory"),
        (error) => {
          assert.ok(error instanceof UsageError);
          assert.match(error.message, /--memory/u);
          return true;
        },
      );
    }
  });

  it("never comes out as anything but a positive safe integer, whatever is typed", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          const size = parseByteSize(text, "x");
          assert.ok(Number.isSafeInteger(size) && size > 0);
        } catch (error) {
          assert.ok(error instanceof UsageError);
        }
      }),
    );
  });
});

describe("a size in output", () => {
  it("has three digits at most and a unit", () => {
    const expected: readonly (readonly [number, string])[] = [
      [0, "0 B"],
      [1023, "1023 B"],
      [1024, "1.0 KiB"],
      [1536, "1.5 KiB"],
      [10_239, "10 KiB"],
      [210 * 1024 ** 2, "210 MiB"],
      [1024 ** 2 - 1, "1.0 MiB"],
      [5 * 1024 ** 5, "5120 TiB"],
    ];
    for (const [size, text] of expected) assert.equal(formatByteSize(size), text);
  });
});
