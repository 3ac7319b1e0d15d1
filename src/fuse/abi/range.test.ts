import { codecSuite } from "../../../test/support/codec-suite.ts";
import {
  COPY_FILE_RANGE_IN_SIZE,
  COPY_FILE_RANGE_OUT_SIZE,
  FALLOCATE_IN_SIZE,
  FSYNC_IN_SIZE,
  LSEEK_IN_SIZE,
  LSEEK_OUT_SIZE,
  decodeCopyFileRangeIn,
  decodeCopyFileRangeOut,
  decodeFallocateIn,
  decodeFsyncIn,
  decodeLseekIn,
  decodeLseekOut,
  encodeCopyFileRangeIn,
  encodeCopyFileRangeOut,
  encodeFallocateIn,
  encodeFsyncIn,
  encodeLseekIn,
  encodeLseekOut,
  newCopyFileRangeIn,
  newCopyFileRangeOut,
  newFallocateIn,
  newFsyncIn,
  newLseekIn,
  newLseekOut,
} from "./range.ts";

codecSuite({
  name: "fuse_fsync_in",
  size: FSYNC_IN_SIZE,
  make: newFsyncIn,
  decode: decodeFsyncIn,
  encode: encodeFsyncIn,
  golden: "77665544332211000302019000000000",
  value: { fh: 4822678189205111, fsyncFlags: 2415985155 },
});

codecSuite({
  name: "fuse_fallocate_in",
  size: FALLOCATE_IN_SIZE,
  make: newFallocateIn,
  decode: decodeFallocateIn,
  encode: encodeFallocateIn,
  golden: "7766554433221100786655443322110079665544332211000906039000000000",
  value: {
    fh: 4822678189205111,
    offset: 4822678189205112,
    length: 4822678189205113,
    mode: 2416117257,
  },
});

codecSuite({
  name: "fuse_lseek_in",
  size: LSEEK_IN_SIZE,
  make: newLseekIn,
  decode: decodeLseekIn,
  encode: encodeLseekIn,
  golden: "776655443322110078665544332211000604029000000000",
  value: { fh: 4822678189205111, offset: 4822678189205112, whence: 2416051206 },
});

codecSuite({
  name: "fuse_lseek_out",
  size: LSEEK_OUT_SIZE,
  make: newLseekOut,
  decode: decodeLseekOut,
  encode: encodeLseekOut,
  golden: "7766554433221100",
  value: { offset: 4822678189205111 },
});

codecSuite({
  name: "fuse_copy_file_range_in",
  size: COPY_FILE_RANGE_IN_SIZE,
  make: newCopyFileRangeIn,
  decode: decodeCopyFileRangeIn,
  encode: encodeCopyFileRangeIn,
  golden:
    "7766554433221100786655443322110079665544332211007a665544332211007b665544332211007c665544332211007d66554433221100",
  value: {
    fhIn: 4822678189205111,
    offIn: 4822678189205112,
    nodeidOut: 4822678189205113,
    fhOut: 4822678189205114,
    offOut: 4822678189205115,
    len: 4822678189205116,
    flags: 4822678189205117,
  },
});

codecSuite({
  name: "fuse_copy_file_range_out",
  size: COPY_FILE_RANGE_OUT_SIZE,
  make: newCopyFileRangeOut,
  decode: decodeCopyFileRangeOut,
  encode: encodeCopyFileRangeOut,
  golden: "7766554433221100",
  value: { bytesCopied: 4822678189205111 },
});
