/** Abort signals, and calls after close. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { text, noise, tagOf, withFile, LARGE_SIZE, type Subject } from "./fixtures.ts";

export function abortTests(subject: Subject): void {
  it("does nothing when its signal is aborted already, and rejects with the signal's reason", async () => {
    const created = tagOf(await subject().create("k", text("x")));
    const reason = new Error("enough");
    const options = { signal: AbortSignal.abort(reason) };
    await withFile(text("x"), async (path) => {
      const calls: readonly (() => Promise<unknown>)[] = [
        () => subject().create("new", text("x"), options),
        () => subject().createFromFile("new", path, options),
        () => subject().swap("k", created, text("y"), options),
        () => subject().get("k", options),
        () => subject().getRange("k", { ...options, offset: 0, length: 1 }),
        () => subject().head("k", options),
        () => subject().list({ ...options, prefix: "" }),
        () => subject().delete("k", options),
        () => subject().deleteMany(["k"], options),
      ];
      for (const call of calls) await assert.rejects(call, reason);
    });
    assert.deepEqual(
      (await subject().list({ prefix: "" })).objects.map((o) => o.tag),
      [created],
    );
  });

  it("leaves the whole object or none when a create is aborted on its way", async () => {
    const body = noise(LARGE_SIZE, 2);
    const controller = new AbortController();
    const creating = subject().create("large", body, { signal: controller.signal });
    const settled = creating.catch((error: unknown) => error as Error);
    await setImmediate();
    controller.abort(new Error("enough"));
    const outcome = await settled;
    const found = await subject().get("large");
    if (outcome instanceof Error) assert.equal(outcome.message, "enough");
    else assert.notEqual(found, undefined);
    if (found !== undefined) assert.equal(Buffer.compare(found.body, body), 0);
  });

  it("refuses every call after close with EBADF", async () => {
    await subject().close();
    await subject().close();
    await assert.rejects(subject().get("k"), { code: "EBADF" });
    await assert.rejects(subject().create("k", text("x")), { code: "EBADF" });
    await assert.rejects(subject().list({ prefix: "" }), { code: "EBADF" });
    await assert.rejects(subject().delete("k"), { code: "EBADF" });
  });
}
