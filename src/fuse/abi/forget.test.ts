import { codecSuite } from "../../../test/support/codec-suite.ts";
import {
  BATCH_FORGET_IN_SIZE,
  FORGET_IN_SIZE,
  FORGET_ONE_SIZE,
  INTERRUPT_IN_SIZE,
  decodeBatchForgetIn,
  decodeForgetIn,
  decodeForgetOne,
  decodeInterruptIn,
  encodeBatchForgetIn,
  encodeForgetIn,
  encodeForgetOne,
  encodeInterruptIn,
  newBatchForgetIn,
  newForgetIn,
  newForgetOne,
  newInterruptIn,
} from "./forget.ts";

codecSuite({
  name: "fuse_forget_in",
  size: FORGET_IN_SIZE,
  make: newForgetIn,
  decode: decodeForgetIn,
  encode: encodeForgetIn,
  golden: "7766554433221100",
  value: { nlookup: 4822678189205111 },
});

codecSuite({
  name: "fuse_forget_one",
  size: FORGET_ONE_SIZE,
  make: newForgetOne,
  decode: decodeForgetOne,
  encode: encodeForgetOne,
  golden: "77665544332211007866554433221100",
  value: { nodeid: 4822678189205111, nlookup: 4822678189205112 },
});

codecSuite({
  name: "fuse_batch_forget_in",
  size: BATCH_FORGET_IN_SIZE,
  make: newBatchForgetIn,
  decode: decodeBatchForgetIn,
  encode: encodeBatchForgetIn,
  golden: "0000009000000000",
  value: { count: 2415919104 },
});

codecSuite({
  name: "fuse_interrupt_in",
  size: INTERRUPT_IN_SIZE,
  make: newInterruptIn,
  decode: decodeInterruptIn,
  encode: encodeInterruptIn,
  golden: "01000080020000f0",
  value: { uniqueLow: 2147483649, uniqueHigh: 4026531842 },
});
