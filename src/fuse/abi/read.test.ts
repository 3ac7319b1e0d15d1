import { codecSuite } from "../../../test/support/codec-suite.ts";
import { READ_IN_SIZE, decodeReadIn, encodeReadIn, newReadIn } from "./read.ts";

codecSuite({
  name: "fuse_read_in",
  size: READ_IN_SIZE,
  make: newReadIn,
  decode: decodeReadIn,
  encode: encodeReadIn,
  golden: "77665544332211007866554433221100060402900906039005000080060000f00f0a059000000000",
  value: {
    fh: 4822678189205111,
    offset: 4822678189205112,
    size: 2416051206,
    readFlags: 2416117257,
    lockOwnerLow: 2147483653,
    lockOwnerHigh: 4026531846,
    flags: 2416249359,
  },
});
