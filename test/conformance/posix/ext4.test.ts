/** The suites over ext4: shows that they ask for what Linux does, and not for what we think it does. */
import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, it } from "node:test";
import { runPosixConformance } from "./run-posix-conformance.ts";

/** Source: linux/magic.h EXT4_SUPER_MAGIC. */
const EXT4_MAGIC = 0xef53;

const refusal = reasonNotToRun();
if (refusal === undefined) {
  runPosixConformance({
    name: "ext4",
    root: tmpdir(),
    capabilities: {},
    limits: {
      // 2^32 - 1 blocks of 4 KiB.
      fileSizeMax: (2 ** 32 - 1) * 4096,
      linkCountMax: 65_000,
      // Without the feature ea_inode, values must fit what the inode and one block have left.
      xattrValueSizeMax: 3900,
      allocationUnit: 4096,
    },
  });
} else {
  describe("ext4", () => {
    it("passes every POSIX suite", { skip: refusal }, () => {});
  });
}

function reasonNotToRun(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root, to act for several users";
  const { type, bsize } = statfsSync(tmpdir());
  if (type !== EXT4_MAGIC) return `${tmpdir()} is not on ext4`;
  return bsize === 4096 ? undefined : "needs blocks of 4 KiB";
}
