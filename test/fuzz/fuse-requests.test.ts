/** Requests as a kernel might send them, through the dispatcher: one answer each, or none where none is due. */
import assert from "node:assert/strict";
import { IN_HEADER_SIZE } from "../../src/fuse/abi/header.ts";
import { InitFlag } from "../../src/fuse/abi/flags.ts";
import { Opcode, OPCODE_COUNT } from "../../src/fuse/abi/opcode.ts";
import { decodeExtensions, newExtensions } from "../../src/fuse/abi/extension.ts";
import { argumentSizeMin } from "../../src/fuse/argument-size.ts";
import { MemoryChannel } from "../../src/fuse/channel.ts";
import { Dispatcher } from "../../src/fuse/dispatch.ts";
import { Reply } from "../../src/fuse/reply.ts";
import { Request } from "../../src/fuse/request.ts";
import { HelloFilesystem } from "../support/hello-filesystem.ts";
import { makeRequest } from "../support/fuse-requests.ts";
import type { FuzzTarget } from "./fuzzer.ts";
import { fuzzSuite } from "./fuzz-suite.ts";

const BUFFER_SIZE = 16_384;
/** Those that come without waiting for an answer. */
const UNANSWERED: ReadonlySet<number> = new Set([
  Opcode.FORGET,
  Opcode.BATCH_FORGET,
  Opcode.INTERRUPT,
  Opcode.NOTIFY_REPLY,
]);

/** One valid request of every opcode, arguments of zeros and two names behind them. */
const CORPUS: readonly Uint8Array[] = Array.from({ length: OPCODE_COUNT }, (_, opcode) =>
  makeRequest({
    opcode,
    parts: [new Uint8Array(argumentSizeMin(opcode)), "hello", "name"],
  }),
);

function dispatching(name: string, flags: number): FuzzTarget {
  const channel = new MemoryChannel();
  const request = new Request(new Uint8Array(BUFFER_SIZE));
  const reply = new Reply(channel);
  const dispatcher = new Dispatcher(new HelloFilesystem({ validSec: 1 }), { flags });
  return {
    name,
    corpus: CORPUS,
    read(bytes) {
      // The kernel's own length is right: it is what read(2) returned.
      if (bytes.length >= IN_HEADER_SIZE) {
        new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, bytes.length, true);
      }
      request.bytes.set(bytes);
      request.decode(bytes.length);
      channel.replies.length = 0;
      dispatcher.dispatch(request, reply);
      const { opcode } = request;
      // One that is cut short is answered EIO, whatever it is: the kernel drops what it does not wait for.
      const isWhole = bytes.length >= IN_HEADER_SIZE + argumentSizeMin(opcode);
      const expected = isWhole && UNANSWERED.has(opcode) ? 0 : 1;
      assert.equal(channel.replies.length, expected, `answers to opcode ${opcode}`);
    },
  };
}

/** A security context, a group, and a kind that is not known. */
const EXTENSION_HEX =
  "2000000001000000050000000000000073656c696e7578006c6162656c00000010000000200000000100000007000000" +
  "1000000021000000ffffffffffffffff";

const EXTENSIONS: FuzzTarget = {
  name: "the extensions of a request",
  corpus: [new Uint8Array(Buffer.from(EXTENSION_HEX, "hex"))],
  read(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    decodeExtensions(bytes, view, 0, bytes.length, newExtensions());
  },
};

fuzzSuite("requests of the kernel", [
  dispatching("the dispatcher", 0),
  dispatching("the dispatcher with longer SETXATTRs", InitFlag.SETXATTR_EXT),
  EXTENSIONS,
]);
