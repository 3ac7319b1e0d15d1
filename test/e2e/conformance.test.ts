/**
 * The POSIX suites through a mount: the kernel's caches, its permission checks and its locks are in front of the engine.
 * Once as volumes are by default, and with POSIX ACLs the suites that these change.
 */
import { after, describe, it } from "node:test";
import { runPosixConformance } from "../conformance/posix/run-posix-conformance.ts";
import { MountFixture, reasonNotToMount } from "../support/mount-fixture.ts";

const skip = reasonNotToMount();

if (skip !== undefined) {
  describe("POSIX through a mount", () => {
    it("passes every suite", { skip }, () => {});
  });
} else {
  for (const acl of [false, true]) await runThroughMount(acl);
}

async function runThroughMount(acl: boolean): Promise<void> {
  const name = acl ? "a mount with ACLs" : "a mount";
  const fixture = await MountFixture.mounted({
    name: acl ? "posix-acl" : "posix",
    create: acl ? ["--acl"] : [],
    mount: ["--allow-other", "-o", "dev,suid"],
  });
  runPosixConformance({
    name,
    root: fixture.mountPoint,
    capabilities: {
      ...(acl ? {} : { acl: "the volume was made without --acl" }),
      // specs/linux-fuse.md section 3: OPEN is not seen, so the write is refused instead.
      immutableRefusesOpen: "the kernel does not tell of opens: writing is refused instead",
      shiftRanges: "the kernel hands COLLAPSE_RANGE and INSERT_RANGE to no FUSE filesystem",
      // Reads that the page cache answers never reach the engine.
      relatime: "reads from the page cache are not seen",
    },
    limits: {
      fileSizeMax: Number.MAX_SAFE_INTEGER,
      linkCountMax: 65_000,
      xattrValueSizeMax: 65_536,
      allocationUnit: 4096,
    },
  });
  describe(`${name}, after all suites`, () => {
    it("drains, and the volume is clean", async () => {
      await fixture.umount();
      await fixture.ended();
      await fixture.demandClean();
    });
    after(() => fixture.remove());
  });
}
