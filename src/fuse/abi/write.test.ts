import { codecSuite } from "../../../test/support/codec-suite.ts";
import {
  WRITE_IN_SIZE,
  WRITE_OUT_SIZE,
  decodeWriteIn,
  decodeWriteOut,
  encodeWriteIn,
  encodeWriteOut,
  newWriteIn,
  newWriteOut,
} from "./write.ts";

codecSuite({
  name: "fuse_write_in",
  size: WRITE_IN_SIZE,
  make: newWriteIn,
  decode: decodeWriteIn,
  encode: encodeWriteIn,
  golden: "77665544332211007866554433221100060402900906039005000080060000f00f0a059000000000",
  value: {
    fh: 4822678189205111,
    offset: 4822678189205112,
    size: 2416051206,
    writeFlags: 2416117257,
    lockOwnerLow: 2147483653,
    lockOwnerHigh: 4026531846,
    flags: 2416249359,
  },
});

codecSuite({
  name: "fuse_write_out",
  size: WRITE_OUT_SIZE,
  make: newWriteOut,
  decode: decodeWriteOut,
  encode: encodeWriteOut,
  golden: "0000009000000000",
  value: { size: 2415919104 },
});
