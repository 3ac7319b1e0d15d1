/** What every run of kills ends with: nothing may differ after an unmount, a check of the volume and another mount. */
import { closeSync, openSync } from "node:fs";
import { syncFilesystem } from "../../src/sys/fd.ts";
import type { MountFixture } from "./mount-fixture.ts";
import { compareManifests, treeManifest } from "./tree-manifest.ts";

export async function demandSameAfterRemount(fixture: MountFixture): Promise<void> {
  // Pages that were stored to through a mapping (SQLite's -shm) move mtime when they are written back: now, not later.
  const fd = openSync(fixture.mountPoint, "r");
  syncFilesystem(fd);
  closeSync(fd);
  const before = treeManifest(fixture.mountPoint, { identity: true });
  await fixture.umount();
  await fixture.ended();
  await fixture.demandClean();
  await fixture.mount();
  compareManifests(treeManifest(fixture.mountPoint, { identity: true }), before);
}
