import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { at, makeSide } from "../../test/support/meta-fixture.ts";
import { AssertionFailure } from "../core/assert.ts";
import { ByteReader } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { CorruptError } from "../core/fs-error.ts";
import { ROOT_INO } from "../core/ids.ts";
import { META_OPERATIONS, OpRegistry, replayable } from "./op-registry.ts";
import { OpKind } from "./operation.ts";
import { atime } from "./ops/atime.ts";

describe("the registry of operations", () => {
  const registry = new OpRegistry(META_OPERATIONS);

  it("replays a record", () => {
    const { state } = makeSide();
    const writer = new ByteWriter({ size: 64, start: 0, sizeMax: 64 });
    atime.encode(writer, { ino: ROOT_INO }, at(77));
    const reader = new ByteReader().open(writer.buffer, 0, writer.at);
    registry.get(OpKind.ATIME, 1).replay(state, reader, 1);
    assert.equal(state.requireInode(ROOT_INO).atimeSec, 77);
  });

  it("refuses a record with bytes left over before anything is applied", () => {
    const { state } = makeSide();
    const writer = new ByteWriter({ size: 64, start: 0, sizeMax: 64 });
    atime.encode(writer, { ino: ROOT_INO }, at(77));
    const reader = new ByteReader().open(writer.buffer, 0, writer.at + 1);
    assert.throws(() => registry.get(OpKind.ATIME, 1).replay(state, reader, 1), CorruptError);
    assert.equal(state.requireInode(ROOT_INO).atimeSec, 1000);
  });

  it("refuses kinds and versions of a later program, and versions that never were", () => {
    assert.throws(() => registry.get(250, 1), { code: "EPROTO" });
    assert.throws(() => registry.get(OpKind.ATIME, 2), { code: "EPROTO" });
    assert.throws(() => registry.get(OpKind.ATIME, 0), CorruptError);
  });

  it("has one operation a kind", () => {
    assert.throws(() => new OpRegistry([...META_OPERATIONS, replayable(atime)]), AssertionFailure);
  });
});
