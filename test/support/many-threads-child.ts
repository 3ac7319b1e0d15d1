/**
 * A client of very many threads: `node many-threads-child.ts DIRECTORY COUNT ROUNDS` with UV_THREADPOOL_SIZE=COUNT. As many
 * calls are under way at once, each of them waiting in the kernel: files made, written, moved, read and removed.
 */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

const [directory, count, rounds] = process.argv.slice(2) as [string, string, string];
const shared = join(directory, "shared");

async function work(index: number): Promise<void> {
  const own = join(directory, `own-${index}`);
  await mkdir(own);
  for (let round = 0; round < Number(rounds); round++) {
    const content = `${index} ${round}`;
    await writeFile(join(own, "new"), content, { flag: "wx" });
    await rename(join(own, "new"), join(shared, `${index}`));
    assert.equal(await readFile(join(shared, `${index}`), "utf8"), content);
    assert.equal((await stat(join(shared, `${index}`))).size, content.length);
  }
  assert.deepEqual(await readdir(own), []);
  await rm(own, { recursive: true });
}

await mkdir(shared);
await Promise.all(Array.from({ length: Number(count) }, (_, index) => work(index)));
assert.equal((await readdir(shared)).length, Number(count));
