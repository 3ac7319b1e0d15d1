/** swap: only with the present tag, one winner, and a tag for each content. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { text, untext, noise, racers, tagOf, type Subject } from "./fixtures.ts";

export function swapTests(subject: Subject): void {
  it("replaces the body when the tag is the present one, and gives the new tag", async () => {
    const created = await subject().create("head", text("one"));
    const swapped = await subject().swap("head", tagOf(created), text("two"));
    assert.equal(swapped.swapped, true);
    assert.notEqual(swapped.tag, tagOf(created));
    assert.deepEqual(await subject().get("head"), { body: text("two"), tag: swapped.tag });
    assert.equal((await subject().head("head"))?.tag, swapped.tag);
  });

  it("writes nothing with an old tag, a foreign tag or no key", async () => {
    const created = await subject().create("head", text("one"));
    await subject().swap("head", tagOf(created), text("two"));
    const stale = await subject().swap("head", tagOf(created), text("three"));
    assert.deepEqual(stale, { swapped: false });
    assert.deepEqual(await subject().swap("head", "no-tag", text("x")), { swapped: false });
    assert.deepEqual(await subject().swap("none/at/all", "no-tag", text("x")), { swapped: false });
    assert.deepEqual((await subject().get("head"))?.body, text("two"));
    assert.equal(await subject().head("none/at/all"), undefined);
  });

  it("writes nothing after the key was deleted", async () => {
    const created = await subject().create("head", text("one"));
    await subject().delete("head");
    assert.deepEqual(await subject().swap("head", tagOf(created), text("x")), { swapped: false });
    assert.equal(await subject().head("head"), undefined);
  });

  it("lets exactly one of 16 racing swaps win", async () => {
    const created = await subject().create("heads/main", text("start"));
    const bodies = racers();
    const outcomes = await Promise.all(
      bodies.map((body) => subject().swap("heads/main", tagOf(created), body)),
    );
    const winners = bodies.filter((_, index) => outcomes[index]!.swapped);
    assert.equal(winners.length, 1);
    assert.deepEqual((await subject().get("heads/main"))?.body, winners[0]);
  });

  it("loses no increment of a counter that 8 writers swap", async () => {
    await subject().create("counter", text("0"));
    const increment = async (): Promise<void> => {
      for (let done = 0; done < 5;) {
        const found = await subject().get("counter");
        const next = text(String(Number(untext(found!.body)) + 1));
        if ((await subject().swap("counter", found!.tag, next)).swapped) done++;
      }
    };
    await Promise.all(Array.from({ length: 8 }, increment));
    assert.equal(untext((await subject().get("counter"))!.body), "40");
  });
}

export function tagTests(subject: Subject): void {
  it("gives different contents of one size different tags, small and large, in quick succession", async () => {
    for (const size of [8, 100_000]) {
      const key = `tags/${size}`;
      const seen = new Set<string>();
      let tag = tagOf(await subject().create(key, noise(size, 0)));
      for (let i = 1; i <= 10; i++) {
        assert.equal(seen.has(tag), false);
        seen.add(tag);
        const swapped = await subject().swap(key, tag, noise(size, i));
        assert.equal(swapped.swapped, true);
        tag = swapped.tag;
        assert.equal((await subject().head(key))?.tag, tag);
      }
    }
  });

  it("gives a key that was deleted and made anew with other content another tag", async () => {
    const first = tagOf(await subject().create("again", text("old")));
    await subject().delete("again");
    const second = tagOf(await subject().create("again", text("new")));
    assert.notEqual(first, second);
    assert.deepEqual(await subject().swap("again", first, text("x")), { swapped: false });
  });
}
