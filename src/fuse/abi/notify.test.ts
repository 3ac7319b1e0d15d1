import { codecSuite } from "../../../test/support/codec-suite.ts";
import {
  NOTIFY_DELETE_OUT_SIZE,
  NOTIFY_INVAL_ENTRY_OUT_SIZE,
  NOTIFY_INVAL_INODE_OUT_SIZE,
  NOTIFY_POLL_WAKEUP_OUT_SIZE,
  NOTIFY_PRUNE_OUT_SIZE,
  NOTIFY_RETRIEVE_IN_SIZE,
  NOTIFY_RETRIEVE_OUT_SIZE,
  NOTIFY_STORE_OUT_SIZE,
  decodeNotifyDeleteOut,
  decodeNotifyInvalEntryOut,
  decodeNotifyInvalInodeOut,
  decodeNotifyPollWakeupOut,
  decodeNotifyPruneOut,
  decodeNotifyRetrieveIn,
  decodeNotifyRetrieveOut,
  decodeNotifyStoreOut,
  encodeNotifyDeleteOut,
  encodeNotifyInvalEntryOut,
  encodeNotifyInvalInodeOut,
  encodeNotifyPollWakeupOut,
  encodeNotifyPruneOut,
  encodeNotifyRetrieveIn,
  encodeNotifyRetrieveOut,
  encodeNotifyStoreOut,
  newNotifyDeleteOut,
  newNotifyInvalEntryOut,
  newNotifyInvalInodeOut,
  newNotifyPollWakeupOut,
  newNotifyPruneOut,
  newNotifyRetrieveIn,
  newNotifyRetrieveOut,
  newNotifyStoreOut,
} from "./notify.ts";

codecSuite({
  name: "fuse_notify_poll_wakeup_out",
  size: NOTIFY_POLL_WAKEUP_OUT_SIZE,
  make: newNotifyPollWakeupOut,
  decode: decodeNotifyPollWakeupOut,
  encode: encodeNotifyPollWakeupOut,
  golden: "01000080020000f0",
  value: { khLow: 2147483649, khHigh: 4026531842 },
});

codecSuite({
  name: "fuse_notify_inval_inode_out",
  size: NOTIFY_INVAL_INODE_OUT_SIZE,
  make: newNotifyInvalInodeOut,
  decode: decodeNotifyInvalInodeOut,
  encode: encodeNotifyInvalInodeOut,
  golden: "7766554433221100aabbccddeeffffffa9bbccddeeffffff",
  value: { ino: 4822678189205111, offset: -73588229206, length: -73588229207 },
});

codecSuite({
  name: "fuse_notify_inval_entry_out",
  size: NOTIFY_INVAL_ENTRY_OUT_SIZE,
  make: newNotifyInvalEntryOut,
  decode: decodeNotifyInvalEntryOut,
  encode: encodeNotifyInvalEntryOut,
  golden: "77665544332211000302019006040290",
  value: { parent: 4822678189205111, namelen: 2415985155, flags: 2416051206 },
});

codecSuite({
  name: "fuse_notify_delete_out",
  size: NOTIFY_DELETE_OUT_SIZE,
  make: newNotifyDeleteOut,
  decode: decodeNotifyDeleteOut,
  encode: encodeNotifyDeleteOut,
  golden: "776655443322110078665544332211000604029000000000",
  value: { parent: 4822678189205111, child: 4822678189205112, namelen: 2416051206 },
});

codecSuite({
  name: "fuse_notify_store_out",
  size: NOTIFY_STORE_OUT_SIZE,
  make: newNotifyStoreOut,
  decode: decodeNotifyStoreOut,
  encode: encodeNotifyStoreOut,
  golden: "776655443322110078665544332211000604029000000000",
  value: { nodeid: 4822678189205111, offset: 4822678189205112, size: 2416051206 },
});

codecSuite({
  name: "fuse_notify_retrieve_out",
  size: NOTIFY_RETRIEVE_OUT_SIZE,
  make: newNotifyRetrieveOut,
  decode: decodeNotifyRetrieveOut,
  encode: encodeNotifyRetrieveOut,
  golden: "01000080020000f0786655443322110079665544332211000906039000000000",
  value: {
    notifyUniqueLow: 2147483649,
    notifyUniqueHigh: 4026531842,
    nodeid: 4822678189205112,
    offset: 4822678189205113,
    size: 2416117257,
  },
});

codecSuite({
  name: "fuse_notify_retrieve_in",
  size: NOTIFY_RETRIEVE_IN_SIZE,
  make: newNotifyRetrieveIn,
  decode: decodeNotifyRetrieveIn,
  encode: encodeNotifyRetrieveIn,
  golden: "00000000000000007766554433221100030201900000000000000000000000000000000000000000",
  value: { offset: 4822678189205111, size: 2415985155 },
});

codecSuite({
  name: "fuse_notify_prune_out",
  size: NOTIFY_PRUNE_OUT_SIZE,
  make: newNotifyPruneOut,
  decode: decodeNotifyPruneOut,
  encode: encodeNotifyPruneOut,
  golden: "00000090000000000000000000000000",
  value: { count: 2415919104 },
});
