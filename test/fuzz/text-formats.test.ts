/** Lines that other processes and the kernel write: the control socket's, and the table of mounts. */
import { parseMountTable } from "../../src/sys/mount-table.ts";
import {
  fromControlError,
  LineSplitter,
  parseReply,
  parseRequest,
} from "../../src/mount/control-message.ts";
import { parsePackKey, parsePackPath } from "../../src/pack/pack-name.ts";
import { parseSegmentName, parseSpareName } from "../../src/journal/segment.ts";
import type { FuzzTarget } from "./fuzzer.ts";
import { fuzzSuite } from "./fuzz-suite.ts";

const MOUNTS = `21 28 0:20 / /proc rw,nosuid - proc proc rw
34 28 0:31 / /a\\040b rw shared:1 - fuse.shoal file:///v rw,user_id=0\n`;

function lines(texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => new TextEncoder().encode(text));
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

const TARGETS: readonly FuzzTarget[] = [
  {
    name: "a control request",
    corpus: lines(['{"id":1,"method":"state","params":null}']),
    read: (bytes) => parseRequest(textOf(bytes)),
  },
  {
    name: "a control reply",
    corpus: lines([
      '{"id":1,"result":{"a":[1]}}',
      '{"id":2,"error":{"code":"ENOENT","message":"m"}}',
      '{"id":2,"error":{"code":"toString","message":"m"}}',
      '{"id":3,"event":"e"}',
    ]),
    read(bytes) {
      const reply = parseReply(textOf(bytes));
      if (!("error" in reply)) return;
      const error = fromControlError(reply.error);
      if (!Number.isInteger(error.errno)) throw new TypeError(`errno ${error.errno}`);
    },
  },
  {
    name: "lines in pieces",
    corpus: lines(['{"id":1}\n{"id":2}\n']),
    refuses: false,
    read(bytes) {
      const splitter = new LineSplitter();
      const text = textOf(bytes);
      const found = [...splitter.push(text.slice(0, 7)), ...splitter.push(`${text.slice(7)}\n`)];
      const wanted = text.split("\n").filter((line) => line !== "");
      if (found.join("\n") !== wanted.join("\n")) throw new TypeError("lines were split wrong");
    },
  },
  {
    name: "the table of mounts",
    corpus: lines([MOUNTS]),
    refuses: false,
    read: (bytes) => parseMountTable(textOf(bytes)),
  },
  {
    name: "names of packs and segments",
    corpus: lines(["packs/f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff/000/7", "000000001.seg"]),
    refuses: false,
    read(bytes) {
      const name = textOf(bytes);
      parsePackKey(name);
      parsePackPath(name);
      parseSegmentName(name);
      parseSpareName(name);
    },
  },
];

fuzzSuite("texts", TARGETS);
