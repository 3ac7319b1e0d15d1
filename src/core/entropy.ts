/**
 * Random bits that no other machine can have, not even a copy of this one made while it ran (rule C4).
 *
 * A virtual machine that is cloned or thawed from a snapshot brings the state of every generator in user space along;
 * the kernel's is seeded anew. So each call reads the kernel's. Source: random(4), "VM generation ID" in
 * drivers/virt/vmgenid.c.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { assert } from "./assert.ts";
import { toHex } from "./hex.ts";

export interface Entropy {
  /** 128 fresh bits as 32 lower-case hex digits. */
  freshId(): string;
}

const ID_SIZE = 16;
const URANDOM = "/dev/urandom";

/** Opens the device for each id, some 10 µs: none is made more often than a batch is sent. */
export const systemEntropy: Entropy = {
  freshId() {
    const bytes = new Uint8Array(ID_SIZE);
    const fd = openSync(URANDOM, "r");
    try {
      const count = readSync(fd, bytes, 0, ID_SIZE, null);
      assert(count === ID_SIZE, `${URANDOM} gave ${count} bytes of ${ID_SIZE}`);
    } finally {
      closeSync(fd);
    }
    return toHex(bytes);
  },
};
