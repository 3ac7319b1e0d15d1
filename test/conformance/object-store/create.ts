/** create and createFromFile: one winner, whole bodies of every size, nothing overwritten. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { it } from "node:test";
import { text, noise, racers, withFile, LARGE_SIZE, type Subject } from "./fixtures.ts";

export function createTests(subject: Subject): void {
  it("creates an absent key and reads back its bytes and tag", async () => {
    const created = await subject().create("a/b", text("hello"));
    assert.equal(created.created, true);
    const found = await subject().get("a/b");
    assert.deepEqual(found, { body: text("hello"), tag: created.tag });
  });

  it("leaves an existing key as it is", async () => {
    await subject().create("k", text("first"));
    assert.deepEqual(await subject().create("k", text("second")), { created: false });
    assert.deepEqual(await subject().create("k", text("first")), { created: false });
    assert.deepEqual((await subject().get("k"))?.body, text("first"));
  });

  it("lets exactly one of 16 racing creates win, and keeps the winner's bytes", async () => {
    for (const key of ["race", "deep/er/race"]) {
      const bodies = racers();
      const outcomes = await Promise.all(bodies.map((body) => subject().create(key, body)));
      const winners = bodies.filter((_, index) => outcomes[index]!.created);
      assert.equal(winners.length, 1);
      assert.deepEqual((await subject().get(key))?.body, winners[0]);
    }
  });

  it("does not look at the body again after the call was answered", async () => {
    const body = text("mine");
    await subject().create("k", body);
    body.fill(0);
    assert.deepEqual((await subject().get("k"))?.body, text("mine"));
  });

  it("holds an empty object", async () => {
    const created = await subject().create("empty", new Uint8Array(0));
    assert.equal(created.created, true);
    assert.deepEqual(await subject().get("empty"), { body: new Uint8Array(0), tag: created.tag });
    assert.equal((await subject().head("empty"))?.size, 0);
    const range = await subject().getRange("empty", { offset: 0, length: 10 });
    assert.deepEqual(range, new Uint8Array(0));
  });

  it("holds 20 MiB", async () => {
    const body = noise(LARGE_SIZE, 1);
    const created = await subject().create("large", body);
    const found = await subject().get("large");
    assert.equal(created.created && created.tag, found?.tag);
    assert.equal(Buffer.compare(found!.body, body), 0);
    const tail = await subject().getRange("large", { offset: LARGE_SIZE - 5, length: 100 });
    assert.deepEqual(tail, body.slice(-5));
  });
}

export function createFromFileTests(subject: Subject): void {
  it("creates from a file, with the tag that head gives", async () => {
    for (const size of [0, 1000, 3_000_000]) {
      await withFile(noise(size, size), async (path, body) => {
        const created = await subject().createFromFile(`files/${size}`, path);
        assert.equal(created.created, true);
        const info = await subject().head(`files/${size}`);
        assert.deepEqual([info?.size, info?.tag], [size, created.tag]);
        await rm(path);
        assert.equal(Buffer.compare((await subject().get(`files/${size}`))!.body, body), 0);
      });
    }
  });

  it("does not create from a file over an existing key, nor from a missing file", async () => {
    await subject().create("k", text("first"));
    await withFile(text("second"), async (path) => {
      assert.deepEqual(await subject().createFromFile("k", path), { created: false });
      await assert.rejects(subject().createFromFile("new", `${path}.missing`), { code: "ENOENT" });
    });
    assert.deepEqual((await subject().get("k"))?.body, text("first"));
    assert.equal(await subject().head("new"), undefined);
  });
}
