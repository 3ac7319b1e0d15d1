import { codecSuite } from "../../../test/support/codec-suite.ts";
import {
  IN_HEADER_SIZE,
  OUT_HEADER_SIZE,
  decodeInHeader,
  decodeOutHeader,
  encodeInHeader,
  encodeOutHeader,
  newInHeader,
  newOutHeader,
} from "./header.ts";

codecSuite({
  name: "fuse_in_header",
  size: IN_HEADER_SIZE,
  make: newInHeader,
  decode: decodeInHeader,
  encode: encodeInHeader,
  golden: "000000900302019003000080040000f07a665544332211000c0804900f0a0590120c069007110000",
  value: {
    size: 2415919104,
    opcode: 2415985155,
    uniqueLow: 2147483651,
    uniqueHigh: 4026531844,
    nodeid: 4822678189205114,
    uid: 2416183308,
    gid: 2416249359,
    pid: 2416315410,
    extensionWords: 4359,
  },
});

codecSuite({
  name: "fuse_out_header",
  size: OUT_HEADER_SIZE,
  make: newOutHeader,
  decode: decodeOutHeader,
  encode: encodeOutHeader,
  golden: "00000090fdffffff03000080040000f0",
  value: { size: 2415919104, error: -3, uniqueLow: 2147483651, uniqueHigh: 4026531844 },
});
