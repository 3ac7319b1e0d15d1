import { codecSuite } from "../../../test/support/codec-suite.ts";
import {
  INIT_IN_SIZE,
  INIT_OUT_SIZE,
  decodeInitIn,
  decodeInitOut,
  encodeInitIn,
  encodeInitOut,
  newInitIn,
  newInitOut,
} from "./init.ts";

codecSuite({
  name: "fuse_init_in",
  size: INIT_IN_SIZE,
  make: newInitIn,
  decode: decodeInitIn,
  encode: encodeInitIn,
  golden:
    "000000900302019006040290090603900c0804900000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
  value: {
    major: 2415919104,
    minor: 2415985155,
    maxReadahead: 2416051206,
    flags: 2416117257,
    flags2: 2416183308,
  },
});

codecSuite({
  name: "fuse_init_out",
  size: INIT_OUT_SIZE,
  make: newInitOut,
  decode: decodeInitOut,
  encode: encodeInitOut,
  golden:
    "0000009003020190060402900906039004110511120c0690150e0790081109111e140a9021160b900c1100000000000000000000000000000000000000000000",
  value: {
    major: 2415919104,
    minor: 2415985155,
    maxReadahead: 2416051206,
    flags: 2416117257,
    maxBackground: 4356,
    congestionThreshold: 4357,
    maxWrite: 2416315410,
    timeGran: 2416381461,
    maxPages: 4360,
    mapAlignment: 4361,
    flags2: 2416579614,
    maxStackDepth: 2416645665,
    requestTimeout: 4364,
  },
});
