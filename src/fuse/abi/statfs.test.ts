import { codecSuite } from "../../../test/support/codec-suite.ts";
import { KSTATFS_SIZE, decodeKstatfs, encodeKstatfs, newKstatfs } from "./statfs.ts";

codecSuite({
  name: "fuse_kstatfs",
  size: KSTATFS_SIZE,
  make: newKstatfs,
  decode: decodeKstatfs,
  encode: encodeKstatfs,
  golden:
    "7766554433221100786655443322110079665544332211007a665544332211007b665544332211000f0a0590120c0690150e079000000000000000000000000000000000000000000000000000000000",
  value: {
    blocks: 4822678189205111,
    bfree: 4822678189205112,
    bavail: 4822678189205113,
    files: 4822678189205114,
    ffree: 4822678189205115,
    bsize: 2416249359,
    namelen: 2416315410,
    frsize: 2416381461,
  },
});
