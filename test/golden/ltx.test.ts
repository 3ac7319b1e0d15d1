/** Every LTX file that a real tool wrote is read, and written again in both page encodings. test/golden/README.md has the versions. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import { formatLtxFileName } from "../../src/ltx/file-name.ts";
import { decodeLtx, encodeLtx } from "../support/ltx-fixture.ts";

function filesOf(folder: string): string[] {
  return globSync("**/*.ltx", { cwd: join(import.meta.dirname, folder) })
    .toSorted()
    .map((path) => join(import.meta.dirname, folder, path));
}

describe("LTX files of real tools", () => {
  for (const folder of ["litestream/v0.5.16-7", "litestream/v0.5.15"]) {
    it(`of ${folder} are read, and read again when written anew`, () => {
      const paths = filesOf(folder);
      assert.equal(paths.length, 30);
      for (const path of paths) {
        const bytes = readFileSync(path);
        const content = decodeLtx(bytes, { name: path, step: 1000 });
        assert.equal(formatLtxFileName(content.header), basename(path));
        assert.ok(content.pages.length > 0);
        for (const pageEncoding of ["frame", "block"] as const) {
          const again = encodeLtx(content.header, content.pages, { pageEncoding });
          const { header, pages } = decodeLtx(again);
          assert.deepEqual([header, pages], [content.header, content.pages]);
        }
      }
    });
  }

  it("of LiteFS 0.5.14 are read, and continue each other by checksum", () => {
    const paths = filesOf("litefs-0.5.14");
    assert.equal(paths.length, 12);
    let position = 0n;
    for (const path of paths) {
      const { header, trailer } = decodeLtx(readFileSync(path), { name: path, step: 10 });
      assert.equal(formatLtxFileName(header), basename(path));
      assert.equal(header.preApplyChecksum, position);
      position = trailer.postApplyChecksum;
    }
  });
});
