/** delete and deleteMany: what goes, what stays, and creates that race with them. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { text, keysOf, type Subject } from "./fixtures.ts";

export function deleteTests(subject: Subject): void {
  it("removes a key and leaves its neighbours", async () => {
    for (const key of ["a/b/c", "a/b/d", "a-b", "e"]) await subject().create(key, text(key));
    await subject().delete("a/b/c");
    assert.equal(await subject().get("a/b/c"), undefined);
    assert.deepEqual(keysOf(await subject().list({ prefix: "" })), ["a-b", "a/b/d", "e"]);
  });

  it("succeeds for what is not there", async () => {
    await subject().create("folder/key", text("x"));
    for (const key of ["absent", "absent/too", "folder", "folder/key/below"]) {
      await subject().delete(key);
    }
    await subject().deleteMany(["absent", "absent/too"]);
    await subject().deleteMany([]);
    assert.deepEqual(keysOf(await subject().list({ prefix: "" })), ["folder/key"]);
  });

  it("removes many keys, more than fit one batch, and absent ones among them", async () => {
    const keys = Array.from({ length: 150 }, (_, i) => `many/${i % 3}/${i}`);
    await Promise.all(keys.map((key) => subject().create(key, text(key))));
    await subject().create("many/kept", text("x"));
    await subject().deleteMany([...keys, "many/absent", "none/at/all"]);
    assert.deepEqual(keysOf(await subject().list({ prefix: "" })), ["many/kept"]);
  });

  it("lets a key be made anew where a folder was, and a folder where a key was", async () => {
    await subject().create("x/y/z", text("1"));
    await subject().delete("x/y/z");
    assert.equal((await subject().create("x", text("2"))).created, true);
    await subject().delete("x");
    assert.equal((await subject().create("x/y", text("3"))).created, true);
    assert.deepEqual(keysOf(await subject().list({ prefix: "" })), ["x/y"]);
  });

  it("never breaks a create that races with the deletion of the last key beside it", async () => {
    const churn = async (name: string): Promise<void> => {
      for (let i = 0; i < 15; i++) {
        assert.equal((await subject().create(`p/q/${name}`, text("x"))).created, true);
        await subject().delete(`p/q/${name}`);
      }
    };
    await Promise.all(["a", "b", "c"].map(churn));
    assert.deepEqual(keysOf(await subject().list({ prefix: "" })), []);
  });
}
