import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { snapshot } from "../../test/support/volume-check.ts";
import { VolumeHarness } from "../../test/support/volume-harness.ts";
import { CrashError } from "../core/fs-error.ts";
import { ROOT_INO, toPackId, type Ino } from "../core/ids.ts";
import { NodeDisk } from "../journal/disk.ts";
import { FileType } from "../meta/inode.ts";
import { create } from "../meta/ops/create.ts";
import { unlink } from "../meta/ops/unlink.ts";
import { packDropped } from "./ops/pack-dropped.ts";
import { reap } from "./ops/reap.ts";

const CONNECTION = 9;

let harness: VolumeHarness;
/** Fails every write of the journal while it is set. */
let failure: Error | undefined;

class FailingDisk extends NodeDisk {
  override write(...args: Parameters<NodeDisk["write"]>): void {
    if (failure !== undefined) throw failure;
    super.write(...args);
  }

  override datasync(fd: number): void {
    if (failure !== undefined) throw failure;
    super.datasync(fd);
  }
}

beforeEach(async () => {
  failure = undefined;
  harness = await VolumeHarness.create({ disk: new FailingDisk() });
  harness.core.executor.connection = CONNECTION;
});

afterEach(() => harness[Symbol.dispose]());

const FILE = { parent: ROOT_INO, name: "a", mode: FileType.REGULAR | 0o644, rdev: 0 };

function append(ino: Ino, text: string, unique: number): number {
  const buffer = Buffer.concat([Buffer.alloc(80), Buffer.from(text)]);
  const request = { ino, offset: 0, length: text.length, append: true, killSuidgid: false };
  return harness.core.executor.write(harness.caller({ unique }), request, buffer, 0);
}

function treeOf(): unknown {
  return snapshot(harness.core, { times: true });
}

describe("an operation that is refused", () => {
  it("leaves neither a record nor a trace", () => {
    harness.runMeta(create, FILE);
    const { lastJsn } = harness.core.journal;
    const before = treeOf();
    assert.throws(() => harness.runMeta(create, FILE), { code: "EEXIST" });
    assert.throws(() => harness.runMeta(unlink, { parent: ROOT_INO, name: "b" }), {
      code: "ENOENT",
    });
    assert.equal(harness.core.journal.lastJsn, lastJsn);
    assert.deepEqual(treeOf(), before);
  });
});

describe("a request that comes again after a kill (J7)", () => {
  it("gets the recorded result and is not run again", () => {
    const result = harness.runMeta(create, FILE, harness.caller({ unique: 40 }));
    harness.reopen("kill");
    harness.core.executor.connection = CONNECTION;
    const { lastJsn } = harness.core.journal;
    harness.clock.advance(1000);
    const again = harness.runMeta(create, FILE, harness.caller({ unique: 40 }));
    assert.deepEqual(again, result);
    assert.equal(harness.core.journal.lastJsn, lastJsn);
    // Once: the same number now belongs to another request.
    assert.throws(() => harness.runMeta(create, FILE, harness.caller({ unique: 40 })), {
      code: "EEXIST",
    });
  });

  it("of another connection, without a number, or another one, is run", () => {
    harness.runMeta(create, FILE, harness.caller({ unique: 40 }));
    const exists = { code: "EEXIST" };
    for (const [connection, unique] of [
      [CONNECTION + 1, 40],
      [CONNECTION, 42],
      [CONNECTION, 0],
    ] as const) {
      harness.reopen("kill");
      harness.core.executor.connection = connection;
      assert.throws(() => harness.runMeta(create, FILE, harness.caller({ unique })), exists);
    }
  });

  it("that appended is told where its data went, and the data are there once", () => {
    const { ino } = harness.runMeta(create, FILE);
    append(ino, "first ", 50);
    assert.equal(append(ino, "second", 52), 6);
    harness.reopen("kill");
    harness.core.executor.connection = CONNECTION;
    assert.equal(append(ino, "second", 52), 6);
    assert.equal(harness.read(ino).toString(), "first second");
  });

  it("is also known when its record was committed and its segment could have gone", () => {
    harness.runMeta(create, FILE, harness.caller({ unique: 40 }));
    harness.core.cut();
    harness.pump();
    harness.reopen("kill");
    harness.core.executor.connection = CONNECTION;
    const again = harness.runMeta(create, FILE, harness.caller({ unique: 40 }));
    assert.equal(again.ino, harness.lookup("a"));
  });

  it("is forgotten when the front end says that all were answered", () => {
    harness.runMeta(create, FILE, harness.caller({ unique: 40 }));
    harness.reopen("kill");
    harness.core.executor.connection = CONNECTION;
    harness.core.executor.setRecorded(undefined);
    assert.throws(() => harness.runMeta(create, FILE, harness.caller({ unique: 40 })), {
      code: "EEXIST",
    });
  });
});

describe("a failure after an operation was let through (J2)", () => {
  it("is a CrashError, and what was acknowledged before it is there after a restart", () => {
    const { ino } = harness.runMeta(create, FILE);
    const before = treeOf();
    failure = new Error("the disk is gone");
    assert.throws(() => append(ino, "never", 60), CrashError);
    assert.throws(() => harness.runMeta(create, { ...FILE, name: "b" }), CrashError);
    assert.throws(() => harness.core.cut(), CrashError);
    failure = undefined;
    harness.reopen("kill");
    assert.deepEqual(treeOf(), before);
  });

  it("is one also when the journal fails to make room", () => {
    const { ino } = harness.runMeta(create, FILE);
    assert.throws(() => {
      for (let i = 0; i < 10_000; i++) {
        if (i === 300) failure = new Error("the disk is gone");
        append(ino, "x".repeat(1000), 2 * i + 100);
      }
    }, CrashError);
    failure = undefined;
  });
});

describe("a full journal", () => {
  const fill = (): void => {
    const { ino } = harness.runMeta(create, { ...FILE, name: "filler" });
    for (let size = 100_000; size >= 1; size = Math.floor(size / 2)) {
      for (;;) {
        try {
          append(ino, "x".repeat(size), 0);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "ENOSPC");
          break;
        }
      }
    }
  };

  it("refuses with ENOSPC and leaves no trace; a cut that is stored makes room again", () => {
    fill();
    const before = treeOf();
    assert.throws(() => harness.runMeta(create, FILE), { code: "ENOSPC" });
    assert.deepEqual(treeOf(), before);
    harness.settle();
    harness.runMeta(create, FILE);
  });

  it("still takes the volume's own records, without which it would stay full (K6)", () => {
    const { ino } = harness.runMeta(create, { ...FILE, name: "gone" });
    harness.write(ino, 0, "x");
    harness.settle();
    harness.runMeta(unlink, { parent: ROOT_INO, name: "gone" });
    harness.runFile(reap, { inos: [ino] });
    fill();
    const { lastJsn } = harness.core.journal;
    assert.throws(() => harness.runFile(packDropped, { pack: toPackId(1) }), { code: "ENOSPC" });
    harness.core.executor.runOwn(packDropped, harness.caller(), { pack: toPackId(1) });
    assert.equal(harness.core.journal.lastJsn, lastJsn + 1);
  });
});
