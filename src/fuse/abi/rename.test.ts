import { codecSuite } from "../../../test/support/codec-suite.ts";
import {
  LINK_IN_SIZE,
  RENAME2_IN_SIZE,
  RENAME_IN_SIZE,
  decodeLinkIn,
  decodeRename2In,
  decodeRenameIn,
  encodeLinkIn,
  encodeRename2In,
  encodeRenameIn,
  newLinkIn,
  newRename2In,
  newRenameIn,
} from "./rename.ts";

codecSuite({
  name: "fuse_rename_in",
  size: RENAME_IN_SIZE,
  make: newRenameIn,
  decode: decodeRenameIn,
  encode: encodeRenameIn,
  golden: "7766554433221100",
  value: { newdir: 4822678189205111 },
});

codecSuite({
  name: "fuse_rename2_in",
  size: RENAME2_IN_SIZE,
  make: newRename2In,
  decode: decodeRename2In,
  encode: encodeRename2In,
  golden: "77665544332211000302019000000000",
  value: { newdir: 4822678189205111, flags: 2415985155 },
});

codecSuite({
  name: "fuse_link_in",
  size: LINK_IN_SIZE,
  make: newLinkIn,
  decode: decodeLinkIn,
  encode: encodeLinkIn,
  golden: "7766554433221100",
  value: { oldnodeid: 4822678189205111 },
});
