import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { SystemClock } from "../../core/clock.ts";
import { Prng } from "../../core/prng.ts";
import { StoreDirectories } from "./store-directories.ts";
import { LOCK_FILE, StoreLock } from "./store-lock.ts";
import { TemporaryFiles } from "./temporary-files.ts";

const clock = new SystemClock();

describe("StoreLock", () => {
  it("lets one holder in at a time, over several connections", async (t) => {
    const { locks } = await setUp(t, 4);
    let inside = 0;
    let entered = 0;
    const enter = async (lock: StoreLock): Promise<void> => {
      for (let i = 0; i < 5; i++) {
        await lock.exclusive(async () => {
          inside++;
          assert.equal(inside, 1);
          await clock.sleep(1);
          inside--;
          entered++;
        });
      }
    };
    await Promise.all([...locks, ...locks].map(enter));
    assert.equal(entered, 40);
  });

  it("lets readers in together, and none beside a holder", async (t) => {
    const [a, b] = (await setUp(t, 2)).locks as [StoreLock, StoreLock];
    await a.exclusive(async () => {});
    await a.shared(() => b.shared(async () => {}));
    let isHeld = false;
    const holding = a.exclusive(async () => {
      isHeld = true;
      await clock.sleep(30);
      isHeld = false;
    });
    await clock.sleep(5);
    assert.equal(isHeld, true);
    await b.shared(async () => assert.equal(isHeld, false));
    await holding;
  });

  it("needs no file for readers until there was a holder, and reads again when one came meanwhile", async (t) => {
    const { root, locks } = await setUp(t, 2);
    const [a, b] = locks as [StoreLock, StoreLock];
    await a.shared(async () => {});
    assert.deepEqual(await readdir(root), []);
    let readCount = 0;
    await a.shared(async () => {
      readCount++;
      if (readCount === 1) await b.exclusive(async () => {});
    });
    assert.equal(readCount, 2);
  });

  it("is free again after its holder failed", async (t) => {
    const [a, b] = (await setUp(t, 2)).locks as [StoreLock, StoreLock];
    await assert.rejects(
      a.exclusive(() => Promise.reject(new Error("work"))),
      /work/,
    );
    assert.equal(await b.exclusive(async () => 7), 7);
  });

  it("stops waiting for its turn behind another waiter when aborted, and keeps the order of the rest", async (t) => {
    const [a, b] = (await setUp(t, 2)).locks as [StoreLock, StoreLock];
    const order: string[] = [];
    let first: Promise<void> | undefined;
    let last: Promise<void> | undefined;
    await a.exclusive(async () => {
      first = b.exclusive(async () => void order.push("first"));
      const aborted = b.exclusive(async () => void order.push("never"), AbortSignal.timeout(10));
      last = b.exclusive(async () => void order.push("last"));
      await assert.rejects(aborted, { name: "TimeoutError" });
      assert.deepEqual(order, []);
    });
    await Promise.all([first, last]);
    assert.deepEqual(order, ["first", "last"]);
  });

  it("stops waiting when aborted", async (t) => {
    const [a, b] = (await setUp(t, 2)).locks as [StoreLock, StoreLock];
    await a.exclusive(async () => {
      const waiting = b.exclusive(async () => {}, AbortSignal.timeout(10));
      await assert.rejects(waiting, { name: "TimeoutError" });
    });
    await b.exclusive(async () => {});
  });

  it("excludes on the present file when the old one was removed by hand", async (t) => {
    const { root, locks } = await setUp(t, 2);
    const [a, b] = locks as [StoreLock, StoreLock];
    await a.exclusive(async () => {});
    await unlink(join(root, LOCK_FILE));
    let isHeld = false;
    const holding = b.exclusive(async () => {
      isHeld = true;
      await clock.sleep(20);
      isHeld = false;
    });
    await clock.sleep(5);
    await a.exclusive(async () => assert.equal(isHeld, false));
    await holding;
  });

  it("is one page that never changes, and leaves no journal beside it", async (t) => {
    const { root, locks } = await setUp(t, 1);
    const size = async (): Promise<number> => (await stat(join(root, LOCK_FILE))).size;
    await locks[0]!.exclusive(async () => {
      assert.deepEqual((await readdir(root)).sort(), [LOCK_FILE, ".tmp"].sort());
    });
    assert.equal(await size(), 512);
    assert.deepEqual(await readdir(join(root, ".tmp")), []);
  });

  it("refuses a file that is no lock, naming it", async (t) => {
    const { root, locks } = await setUp(t, 1);
    await writeFile(join(root, LOCK_FILE), "not a database".repeat(100));
    await assert.rejects(
      locks[0]!.exclusive(async () => {}),
      { code: "EIO", retryable: false, message: /cannot lock .*\.lock/ },
    );
  });
});

async function setUp(
  t: TestContext,
  count: number,
): Promise<{ root: string; locks: readonly StoreLock[] }> {
  const root = await mkdtemp(join(tmpdir(), "store-lock-"));
  const directories = await StoreDirectories.open(root);
  const temporaries = new TemporaryFiles(directories);
  const locks = Array.from(
    { length: count },
    (_, seed) =>
      new StoreLock({ path: join(root, LOCK_FILE), temporaries, clock, prng: new Prng(seed) }),
  );
  t.after(async () => {
    for (const lock of locks) await lock.close();
    await directories.close();
    await rm(root, { recursive: true });
  });
  return { root, locks };
}
