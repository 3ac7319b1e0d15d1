/**
 * Replicas that the real Litestream wrote are restored to what the real `litestream restore` made of them, byte for byte:
 * the latest state and every TXID. test/golden/README.md has the versions.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { localLtxSource } from "../../src/ltx/local-source.ts";
import { readLtxEnds, type RangedSource } from "../../src/ltx/ranged-file.ts";
import { parseLtxKey } from "../../src/ltx/replica-layout.ts";
import { restoreChain } from "../../src/ltx/restore/restore-chain.ts";
import {
  planRestore,
  type ReplicaFile,
  type RestoreTarget,
} from "../../src/ltx/restore/restore-plan.ts";
import { parseTxid } from "../../src/ltx/txid.ts";

interface Manifest {
  readonly restores: readonly { readonly args: readonly string[]; readonly sha256: string }[];
}

interface GoldenFile extends ReplicaFile {
  readonly source: RangedSource;
}

async function filesOf(replica: string): Promise<GoldenFile[]> {
  const files: GoldenFile[] = [];
  for (const key of globSync("**/*.ltx", { cwd: replica })) {
    const range = parseLtxKey("nested", key);
    assert.ok(range !== undefined, key);
    const source = await localLtxSource(join(replica, key));
    files.push({ ...range, timestampMs: (await readLtxEnds(source)).header.timestampMs, source });
  }
  return files;
}

function targetOf(args: readonly string[]): RestoreTarget {
  if (args.length === 0) return { kind: "latest" };
  assert.equal(args[0], "-txid");
  return { kind: "txid", txid: parseTxid(args[1]!)! };
}

describe("replicas of the real Litestream", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "shoal-golden-"));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const version of ["v0.5.16-7", "v0.5.15"]) {
    it(`of ${version} are restored as it restores them`, async () => {
      const folder = join(import.meta.dirname, "litestream", version);
      const files = await filesOf(join(folder, "replica"));
      const text = readFileSync(join(folder, "MANIFEST.json"), "utf8");
      const { restores } = JSON.parse(text) as Manifest;
      assert.equal(restores.length, 18);
      for (const [i, { args, sha256 }] of restores.entries()) {
        const path = join(directory, `${version}-${i}.db`);
        const plan = planRestore(files, targetOf(args)).map(({ source }) => source);
        await restoreChain(plan, { path, threadCount: i === 0 ? 2 : 0 });
        const hash = createHash("sha256").update(readFileSync(path)).digest("hex");
        assert.equal(hash, sha256, args.join(" "));
      }
    });
  }

  it("of LiteFS 0.5.14 give the database that it kept, by its checksums", async () => {
    const folder = join(import.meta.dirname, "litefs-0.5.14");
    const paths = globSync("ltx/*.ltx", { cwd: folder }).toSorted();
    const sources = await Promise.all(paths.map((path) => localLtxSource(join(folder, path))));
    const path = join(directory, "litefs.db");
    await restoreChain(sources, { path });
    assert.deepEqual(readFileSync(path), readFileSync(join(folder, "database")));
  });
});
