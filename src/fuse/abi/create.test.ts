import { codecSuite } from "../../../test/support/codec-suite.ts";
import {
  CREATE_IN_SIZE,
  MKDIR_IN_SIZE,
  MKNOD_IN_SIZE,
  decodeCreateIn,
  decodeMkdirIn,
  decodeMknodIn,
  encodeCreateIn,
  encodeMkdirIn,
  encodeMknodIn,
  newCreateIn,
  newMkdirIn,
  newMknodIn,
} from "./create.ts";

codecSuite({
  name: "fuse_create_in",
  size: CREATE_IN_SIZE,
  make: newCreateIn,
  decode: decodeCreateIn,
  encode: encodeCreateIn,
  golden: "00000090030201900604029009060390",
  value: { flags: 2415919104, mode: 2415985155, umask: 2416051206, openFlags: 2416117257 },
});

codecSuite({
  name: "fuse_mknod_in",
  size: MKNOD_IN_SIZE,
  make: newMknodIn,
  decode: decodeMknodIn,
  encode: encodeMknodIn,
  golden: "00000090030201900604029000000000",
  value: { mode: 2415919104, rdev: 2415985155, umask: 2416051206 },
});

codecSuite({
  name: "fuse_mkdir_in",
  size: MKDIR_IN_SIZE,
  make: newMkdirIn,
  decode: decodeMkdirIn,
  encode: encodeMkdirIn,
  golden: "0000009003020190",
  value: { mode: 2415919104, umask: 2415985155 },
});
