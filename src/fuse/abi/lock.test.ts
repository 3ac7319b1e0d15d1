import { codecSuite } from "../../../test/support/codec-suite.ts";
import {
  FILE_LOCK_SIZE,
  LK_IN_SIZE,
  decodeFileLock,
  decodeLkIn,
  encodeFileLock,
  encodeLkIn,
  newFileLock,
  newLkIn,
} from "./lock.ts";

codecSuite({
  name: "fuse_file_lock",
  size: FILE_LOCK_SIZE,
  make: newFileLock,
  decode: decodeFileLock,
  encode: encodeFileLock,
  golden: "01000080020000f002000080030000f00604029009060390",
  value: {
    startLow: 2147483649,
    startHigh: 4026531842,
    endLow: 2147483650,
    endHigh: 4026531843,
    type: 2416051206,
    pid: 2416117257,
  },
});

codecSuite({
  name: "fuse_lk_in",
  size: LK_IN_SIZE,
  make: newLkIn,
  decode: decodeLkIn,
  encode: encodeLkIn,
  golden:
    "776655443322110002000080030000f004000080050000f005000080060000f00f0a0590120c0690150e079000000000",
  value: {
    fh: 4822678189205111,
    ownerLow: 2147483650,
    ownerHigh: 4026531843,
    lk: {
      startLow: 2147483652,
      startHigh: 4026531845,
      endLow: 2147483653,
      endHigh: 4026531846,
      type: 2416249359,
      pid: 2416315410,
    },
    lkFlags: 2416381461,
  },
});
