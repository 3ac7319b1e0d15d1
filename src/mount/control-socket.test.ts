import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as fc from "fast-check";
import { SystemClock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { silentLog } from "../core/log.ts";
import { ControlClient } from "./control-client.ts";
import { LineSplitter, parseReply, parseRequest } from "./control-message.ts";
import { ControlSocket, type ControlMethod, type ControlMethods } from "./control-socket.ts";

const clock = new SystemClock();
let folder = "";
let aborted = 0;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-control-"));
});
after(() => rmSync(folder, { recursive: true }));

const METHODS: Readonly<Record<string, ControlMethod>> = {
  echo: ({ params }) => Promise.resolve(params),
  nothing: () => Promise.resolve(undefined),
  fail: () => Promise.reject(new FsError("EDQUOT", "the quota is used up")),
  bug: () => Promise.reject(new TypeError("x is not a function")),
  count: ({ event }) => {
    for (let i = 1; i <= 3; i++) event(i);
    return Promise.resolve("done");
  },
  hang: ({ signal, event }) => {
    event("begun");
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => {
      aborted++;
      reject(signal.reason as Error);
    });
    return promise;
  },
};
const methods: ControlMethods = (name) => METHODS[name];

describe("the control socket", () => {
  it("answers requests, each its own, with results, events and errors", async () => {
    const path = join(folder, "a.sock");
    await using server = await ControlSocket.listen(path, methods, silentLog);
    void server;
    assert.equal(statSync(path).mode & 0o777, 0o600);
    using client = await ControlClient.connect(path);
    const events: unknown[] = [];
    const [echo, nothing, count] = await Promise.all([
      client.call("echo", { params: { text: "a\nb", n: 1 } }),
      client.call("nothing"),
      client.call("count", { onEvent: (event) => events.push(event) }),
    ]);
    assert.deepEqual(echo, { text: "a\nb", n: 1 });
    assert.equal(nothing, null);
    assert.equal(count, "done");
    assert.deepEqual(events, [1, 2, 3]);
    await assert.rejects(client.call("fail"), { code: "EDQUOT", message: "the quota is used up" });
    await assert.rejects(client.call("bug"), { code: "EIO", message: "x is not a function" });
    await assert.rejects(client.call("dance"), { code: "EOPNOTSUPP", message: /no method dance/ });
    assert.equal(await client.call("echo", { params: 7 }), 7, "an error disturbs nobody");
  });

  it("replaces a dead one's socket and removes its own", async () => {
    const path = join(folder, "b.sock");
    writeFileSync(path, "");
    const server = await ControlSocket.listen(path, methods, silentLog);
    (await ControlClient.connect(path))[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
    assert.equal(existsSync(path), false);
    await assert.rejects(ControlClient.connect(path), { code: "ENOTCONN" });
  });

  it("works at a path longer than a socket address", async () => {
    const deep = join(folder, "x".repeat(120));
    mkdirSync(deep);
    const path = join(deep, "control.sock");
    const server = await ControlSocket.listen(path, methods, silentLog);
    using client = await ControlClient.connect(path);
    assert.equal(await client.call("echo", { params: 1 }), 1);
    await server[Symbol.asyncDispose]();
    assert.equal(existsSync(path), false);
  });

  it("aborts a method whose client is gone, and fails a call whose server is gone", async () => {
    const path = join(folder, "c.sock");
    const server = await ControlSocket.listen(path, methods, silentLog);
    const leaving = await ControlClient.connect(path);
    const abandoned = leaving.call("hang", { onEvent: () => leaving[Symbol.dispose]() });
    await assert.rejects(abandoned, { code: "EPIPE" });
    using staying = await ControlClient.connect(path);
    await staying.call("echo", { params: 1 });
    await until(() => aborted === 1);
    const begun = Promise.withResolvers<unknown>();
    const cut = assert.rejects(staying.call("hang", { onEvent: begun.resolve }), { code: "EPIPE" });
    await begun.promise;
    await server[Symbol.asyncDispose]();
    await cut;
    await until(() => aborted === 2);
    await assert.rejects(staying.call("echo"), { code: "EPIPE" });
  });

  it("gives a call up when its signal says so", async () => {
    const path = join(folder, "d.sock");
    await using server = await ControlSocket.listen(path, methods, silentLog);
    void server;
    using client = await ControlClient.connect(path);
    const stop = new AbortController();
    const call = client.call("hang", { signal: stop.signal });
    stop.abort(new FsError("ECANCELED", "enough"));
    await assert.rejects(call, { code: "ECANCELED" });
    assert.equal(await client.call("echo", { params: 2 }), 2);
  });

  it("cuts a client that sends no request, and serves the others", async () => {
    const path = join(folder, "e.sock");
    await using server = await ControlSocket.listen(path, methods, silentLog);
    void server;
    for (const line of ["hello", "[]", '{"id":"1","method":"echo"}', '{"id":1}', "null"]) {
      const { promise, resolve } = Promise.withResolvers<string>();
      const socket = connect(path);
      let answer = "";
      socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
      socket.on("close", () => resolve(answer));
      socket.write(`${line}\n`);
      assert.match(await promise, /^\{"id":-1,"error":\{"code":"EPROTO"/, line);
    }
    using client = await ControlClient.connect(path);
    assert.equal(await client.call("echo", { params: 3 }), 3);
  });
});

describe("control messages", () => {
  it("come out of any split of the bytes as they went in", () => {
    const line = fc.string().map((text) => JSON.stringify({ id: 1, method: "m", params: text }));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(40)), (lines, cuts) => {
        const text = lines.map((one) => `${one}\n`).join("");
        const splitter = new LineSplitter();
        const out: string[] = [];
        let at = 0;
        for (const cut of cuts) {
          out.push(...splitter.push(text.slice(at, at + cut)));
          at += cut;
        }
        out.push(...splitter.push(text.slice(at)));
        assert.deepEqual(out, lines);
      }),
    );
  });

  it("are refused with EPROTO when they are noise", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        for (const parse of [parseRequest, parseReply]) {
          try {
            parse(text);
          } catch (error) {
            assert.ok(error instanceof FsError && error.code === "EPROTO", String(error));
          }
        }
      }),
    );
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await clock.sleep(10);
  assert.equal(condition(), true);
}
