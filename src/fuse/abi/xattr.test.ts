import { codecSuite } from "../../../test/support/codec-suite.ts";
import {
  GETXATTR_IN_SIZE,
  GETXATTR_OUT_SIZE,
  SETXATTR_IN_SIZE,
  decodeGetxattrIn,
  decodeGetxattrOut,
  decodeSetxattrIn,
  encodeGetxattrIn,
  encodeGetxattrOut,
  encodeSetxattrIn,
  newGetxattrIn,
  newGetxattrOut,
  newSetxattrIn,
} from "./xattr.ts";

codecSuite({
  name: "fuse_setxattr_in",
  size: SETXATTR_IN_SIZE,
  make: newSetxattrIn,
  decode: decodeSetxattrIn,
  encode: encodeSetxattrIn,
  golden: "00000090030201900604029000000000",
  value: { size: 2415919104, flags: 2415985155, setxattrFlags: 2416051206 },
});

codecSuite({
  name: "fuse_getxattr_in",
  size: GETXATTR_IN_SIZE,
  make: newGetxattrIn,
  decode: decodeGetxattrIn,
  encode: encodeGetxattrIn,
  golden: "0000009000000000",
  value: { size: 2415919104 },
});

codecSuite({
  name: "fuse_getxattr_out",
  size: GETXATTR_OUT_SIZE,
  make: newGetxattrOut,
  decode: decodeGetxattrOut,
  encode: encodeGetxattrOut,
  golden: "0000009000000000",
  value: { size: 2415919104 },
});
