/** File handles that outlive names, and what statfs(2) says. Source: open_by_handle_at(2), statfs(2). */
import assert from "node:assert/strict";
import { O_DIRECTORY, O_RDONLY, O_RDWR } from "../../support/posix-constants.ts";
import { bytes, put, readAll, refuses, text, textOf } from "../../support/posix-actions.ts";
import { needing, type PosixSuite, posixSuite } from "./posix-suite.ts";

export const handleSuite: PosixSuite = posixSuite(
  "handles",
  {
    "open what they were made of, wherever it has gone"({ root }) {
      root.mkdir("d");
      put(root, "f", "data");
      const handle = root.handles.encode("f");
      root.rename("f", "d/g");
      using file = root.handles.open(handle, O_RDWR);
      assert.equal(text(readAll(file)), "data");
      file.write(4, bytes("!"));
      assert.equal(textOf(root, "d/g"), "data!");
      assert.equal(file.stat().ino, root.stat("d/g").ino);
    },
    "are equal for two names of one file and differ for two files"({ root }) {
      put(root, "a");
      put(root, "b");
      root.link("a", "c");
      assert.deepEqual(root.handles.encode("a"), root.handles.encode("c"));
      assert.notDeepEqual(root.handles.encode("a"), root.handles.encode("b"));
    },
    "are stale when the inode is gone, though its number may live again"({ root }) {
      put(root, "f");
      const handle = root.handles.encode("f");
      root.unlink("f");
      refuses("ESTALE", () => root.handles.open(handle, O_RDONLY));
      for (let i = 0; i < 20; i++) put(root, `new-${i}`);
      refuses("ESTALE", () => root.handles.open(handle, O_RDONLY));
    },
    "open an unlinked file that someone still holds, or say that it is stale"({ root }) {
      put(root, "f", "held");
      const handle = root.handles.encode("f");
      using holder = root.open("f", O_RDONLY);
      root.unlink("f");
      try {
        using file = root.handles.open(handle, O_RDONLY);
        assert.equal(text(readAll(file)), "held");
      } catch (error) {
        assert.equal((error as { code?: string }).code, "ESTALE");
      }
      assert.equal(text(readAll(holder)), "held");
    },
    "open directories, the deep ones too"({ root }) {
      root.mkdir("a");
      root.mkdir("a/b");
      root.mkdir("a/b/c");
      const handle = root.handles.encode("a/b/c");
      using directory = root.handles.open(handle, O_RDONLY | O_DIRECTORY);
      assert.equal(directory.stat().ino, root.stat("a/b/c").ino);
    },
    "are only for root to open": needing("callers", ({ root, alice }) => {
      put(root, "f", "", 0o666);
      const handle = alice.handles.encode("f");
      refuses("EPERM", () => alice.handles.open(handle, O_RDONLY));
    }),
  },
  ["handles"],
);

export const statfsSuite: PosixSuite = posixSuite("statfs", {
  "says sizes that fit each other"({ root }) {
    const statfs = root.statfs("");
    assert.equal(statfs.nameSizeMax, 255);
    assert.ok(statfs.blockSize >= 512 && (statfs.blockSize & (statfs.blockSize - 1)) === 0);
    assert.ok(statfs.blockCount > 0);
    assert.ok(statfs.freeCount <= statfs.blockCount);
    assert.ok(statfs.availableCount <= statfs.freeCount);
    assert.ok(statfs.fileFreeCount <= statfs.fileCount);
  },
  "says the same of every place in the tree"({ root }) {
    root.mkdir("d");
    put(root, "d/f");
    const { blockCount, blockSize } = root.statfs("d/f");
    assert.equal(blockCount, root.statfs("").blockCount);
    assert.equal(blockSize, root.statfs("d").blockSize);
  },
});
