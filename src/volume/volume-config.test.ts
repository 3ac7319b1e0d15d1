import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { FsError } from "../core/fs-error.ts";
import {
  COMPRESSIONS,
  decodeVolumeConfig,
  encodeVolumeConfig,
  newVolumeConfig,
} from "./volume-config.ts";

const SAMPLE = newVolumeConfig({
  uuid: "0123456789abcdef0123456789abcdef",
  timeline: "fedcba9876543210fedcba9876543210",
  createdMs: 1_700_000_000_000,
  compression: "lz4",
  acl: true,
});

const GOLDEN = `{
  "format": 1,
  "uuid": "0123456789abcdef0123456789abcdef",
  "timeline": "fedcba9876543210fedcba9876543210",
  "createdMs": 1700000000000,
  "compression": "lz4",
  "acl": true
}
`;

const decode = (text: string): unknown =>
  decodeVolumeConfig(new TextEncoder().encode(text), "the test's volume.json");

const changed = (changes: Record<string, unknown>): string =>
  JSON.stringify({ ...SAMPLE, ...changes });

describe("volume.json", () => {
  it("has these bytes, and decodes to what was encoded", () => {
    assert.equal(new TextDecoder().decode(encodeVolumeConfig(SAMPLE)), GOLDEN);
    assert.deepEqual(decode(GOLDEN), SAMPLE);
    for (const compression of COMPRESSIONS) {
      const config = { ...SAMPLE, compression, acl: false };
      assert.deepEqual(decode(new TextDecoder().decode(encodeVolumeConfig(config))), config);
    }
  });

  it("is refused when cut short anywhere", () => {
    for (let length = 0; length < GOLDEN.trimEnd().length; length++) {
      assert.throws(() => decode(GOLDEN.slice(0, length)), { code: "EIO" });
    }
  });

  it("of a later format is refused as that, not as damage", () => {
    assert.throws(() => decode(changed({ format: 2 })), { code: "EPROTO", message: /format 2/ });
    assert.throws(() => decode(changed({ format: "1" })), { code: "EIO" });
    assert.throws(() => decode("{}"), { code: "EIO", message: /not a Shoal volume/ });
  });

  it("names the field that is missing or wrong, and the object it is in", () => {
    for (const field of ["uuid", "timeline", "createdMs", "compression", "acl"]) {
      for (const value of [undefined, null, {}, "ABCDEF"]) {
        const message = new RegExp(`^the test's volume.json .*${field}`);
        assert.throws(() => decode(changed({ [field]: value })), { code: "EIO", message });
      }
    }
  });

  it("decodes from noise, or is refused with an FsError; nothing else happens", () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.tuple(fc.nat(GOLDEN.length - 1), fc.nat(255)).map(([at, byte]) => {
        const bytes = Uint8Array.from(Buffer.from(GOLDEN));
        bytes[at] = byte;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(noise, (bytes) => {
        try {
          decodeVolumeConfig(bytes, "noise");
        } catch (error) {
          assert.ok(error instanceof FsError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
