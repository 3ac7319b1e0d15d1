import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import {
  makeTemporaryRoot,
  makeVolume,
  volumeDirectories,
} from "../../test/support/volume-harness.ts";
import { decodePosition, POSITION_SETTING } from "../cut/position.ts";
import { ROOT_INO } from "../core/ids.ts";
import { SqliteTables } from "../meta/sqlite/sqlite-tables.ts";
import { databasePath } from "./create-volume.ts";
import { decodeVolumeConfig, VOLUME_KEY } from "./volume-config.ts";

let root: string;
let store: string;

beforeEach(() => {
  root = makeTemporaryRoot();
  ({ store } = volumeDirectories(root));
});

afterEach(() => rmSync(root, { recursive: true }));

describe("creating a volume", () => {
  it("makes an empty root, a clean position without a journal, and volume.json last", async () => {
    const config = await makeVolume(root, { compression: "zstd", acl: true });
    assert.deepEqual(decodeVolumeConfig(readFileSync(join(store, VOLUME_KEY)), "it"), config);
    const tables = SqliteTables.open(databasePath(store), { readOnly: true });
    const position = decodePosition(tables.settings.getText(POSITION_SETTING)!);
    assert.deepEqual(
      [position.timeline, position.journal, position.jsn, position.clean],
      [config.timeline, "0".repeat(32), 0, true],
    );
    assert.equal(tables.inodes.count(), 1);
    assert.equal(tables.inodes.get(ROOT_INO)?.nlink, 2);
    tables.close();
    assert.equal(statSync(databasePath(store)).mode & 0o777, 0o600);
  });

  it("never makes one over another, nor among somebody's files", async () => {
    await makeVolume(root);
    const before = readFileSync(join(store, VOLUME_KEY));
    await assert.rejects(makeVolume(root), { code: "EEXIST" });
    assert.deepEqual(readFileSync(join(store, VOLUME_KEY)), before);
    const other = join(root, "other");
    mkdirSync(volumeDirectories(other).store, { recursive: true });
    writeFileSync(join(volumeDirectories(other).store, "letter.txt"), "dear");
    await assert.rejects(makeVolume(other), { code: "ENOTEMPTY", message: /letter.txt/ });
  });

  it("that did not come to its end leaves no volume, and is not gone over by the next", async () => {
    await makeVolume(root);
    rmSync(join(store, VOLUME_KEY));
    await assert.rejects(makeVolume(root), { code: "EEXIST", message: /shoal\.db/ });
  });
});
