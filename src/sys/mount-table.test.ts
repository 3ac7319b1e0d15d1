import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findMount, isDeadMount, parseMountTable, readMountTable } from "./mount-table.ts";

const TABLE = [
  "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw",
  "90 22 0:52 / /mnt/with\\040blank\\134 rw,nosuid - fuse.shoal s3://b/a\\040b rw,user_id=0",
  "91 22 0:53 / /mnt/twice rw - fuse.shoal one rw",
  "92 91 0:54 / /mnt/twice rw - fuse.shoal two rw",
  "",
].join("\n");

describe("the mount table", () => {
  it("undoes the escapes of names", () => {
    const entry = findMount("/mnt/with blank\\", parseMountTable(TABLE));
    assert.deepEqual(entry, {
      id: 90,
      major: 0,
      minor: 52,
      directory: "/mnt/with blank\\",
      options: "rw,nosuid",
      type: "fuse.shoal",
      source: "s3://b/a b",
      superOptions: "rw,user_id=0",
    });
  });

  it("finds the topmost of two mounts in one place", () => {
    assert.equal(findMount("/mnt/twice", parseMountTable(TABLE))?.source, "two");
  });

  it("finds nothing where nothing is mounted", () => {
    assert.equal(findMount("/mnt", parseMountTable(TABLE)), undefined);
  });

  it("refuses a line that is no mount", () => {
    assert.throws(() => parseMountTable("22 1 254 / / rw"), { code: "EIO" });
  });

  it("reads this system's, where the root is mounted and lives", async () => {
    assert.ok(readMountTable().some((entry) => entry.directory === "/"));
    assert.equal(await isDeadMount("/"), false);
  });
});
