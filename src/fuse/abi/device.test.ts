import { codecSuite } from "../../../test/support/codec-suite.ts";
import {
  ACCESS_IN_SIZE,
  BMAP_IN_SIZE,
  BMAP_OUT_SIZE,
  IOCTL_IN_SIZE,
  IOCTL_OUT_SIZE,
  POLL_IN_SIZE,
  POLL_OUT_SIZE,
  decodeAccessIn,
  decodeBmapIn,
  decodeBmapOut,
  decodeIoctlIn,
  decodeIoctlOut,
  decodePollIn,
  decodePollOut,
  encodeAccessIn,
  encodeBmapIn,
  encodeBmapOut,
  encodeIoctlIn,
  encodeIoctlOut,
  encodePollIn,
  encodePollOut,
  newAccessIn,
  newBmapIn,
  newBmapOut,
  newIoctlIn,
  newIoctlOut,
  newPollIn,
  newPollOut,
} from "./device.ts";

codecSuite({
  name: "fuse_access_in",
  size: ACCESS_IN_SIZE,
  make: newAccessIn,
  decode: decodeAccessIn,
  encode: encodeAccessIn,
  golden: "0000009000000000",
  value: { mask: 2415919104 },
});

codecSuite({
  name: "fuse_ioctl_in",
  size: IOCTL_IN_SIZE,
  make: newIoctlIn,
  decode: decodeIoctlIn,
  encode: encodeIoctlIn,
  golden: "7766554433221100030201900604029004000080050000f00c0804900f0a0590",
  value: {
    fh: 4822678189205111,
    flags: 2415985155,
    cmd: 2416051206,
    argLow: 2147483652,
    argHigh: 4026531845,
    inSize: 2416183308,
    outSize: 2416249359,
  },
});

codecSuite({
  name: "fuse_ioctl_out",
  size: IOCTL_OUT_SIZE,
  make: newIoctlOut,
  decode: decodeIoctlOut,
  encode: encodeIoctlOut,
  golden: "feffffff030201900604029009060390",
  value: { result: -2, flags: 2415985155, inIovs: 2416051206, outIovs: 2416117257 },
});

codecSuite({
  name: "fuse_poll_in",
  size: POLL_IN_SIZE,
  make: newPollIn,
  decode: decodePollIn,
  encode: encodePollIn,
  golden: "776655443322110002000080030000f00604029009060390",
  value: {
    fh: 4822678189205111,
    khLow: 2147483650,
    khHigh: 4026531843,
    flags: 2416051206,
    events: 2416117257,
  },
});

codecSuite({
  name: "fuse_poll_out",
  size: POLL_OUT_SIZE,
  make: newPollOut,
  decode: decodePollOut,
  encode: encodePollOut,
  golden: "0000009000000000",
  value: { revents: 2415919104 },
});

codecSuite({
  name: "fuse_bmap_in",
  size: BMAP_IN_SIZE,
  make: newBmapIn,
  decode: decodeBmapIn,
  encode: encodeBmapIn,
  golden: "77665544332211000302019000000000",
  value: { block: 4822678189205111, blocksize: 2415985155 },
});

codecSuite({
  name: "fuse_bmap_out",
  size: BMAP_OUT_SIZE,
  make: newBmapOut,
  decode: decodeBmapOut,
  encode: encodeBmapOut,
  golden: "7766554433221100",
  value: { block: 4822678189205111 },
});
