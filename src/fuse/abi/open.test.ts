import { codecSuite } from "../../../test/support/codec-suite.ts";
import {
  FLUSH_IN_SIZE,
  OPEN_IN_SIZE,
  OPEN_OUT_SIZE,
  RELEASE_IN_SIZE,
  decodeFlushIn,
  decodeOpenIn,
  decodeOpenOut,
  decodeReleaseIn,
  encodeFlushIn,
  encodeOpenIn,
  encodeOpenOut,
  encodeReleaseIn,
  newFlushIn,
  newOpenIn,
  newOpenOut,
  newReleaseIn,
} from "./open.ts";

codecSuite({
  name: "fuse_open_in",
  size: OPEN_IN_SIZE,
  make: newOpenIn,
  decode: decodeOpenIn,
  encode: encodeOpenIn,
  golden: "0000009003020190",
  value: { flags: 2415919104, openFlags: 2415985155 },
});

codecSuite({
  name: "fuse_open_out",
  size: OPEN_OUT_SIZE,
  make: newOpenOut,
  decode: decodeOpenOut,
  encode: encodeOpenOut,
  golden: "776655443322110003020190fcffffff",
  value: { fh: 4822678189205111, openFlags: 2415985155, backingId: -4 },
});

codecSuite({
  name: "fuse_release_in",
  size: RELEASE_IN_SIZE,
  make: newReleaseIn,
  decode: decodeReleaseIn,
  encode: encodeReleaseIn,
  golden: "7766554433221100030201900604029004000080050000f0",
  value: {
    fh: 4822678189205111,
    flags: 2415985155,
    releaseFlags: 2416051206,
    lockOwnerLow: 2147483652,
    lockOwnerHigh: 4026531845,
  },
});

codecSuite({
  name: "fuse_flush_in",
  size: FLUSH_IN_SIZE,
  make: newFlushIn,
  decode: decodeFlushIn,
  encode: encodeFlushIn,
  golden: "7766554433221100000000000000000002000080030000f0",
  value: { fh: 4822678189205111, lockOwnerLow: 2147483650, lockOwnerHigh: 4026531843 },
});
