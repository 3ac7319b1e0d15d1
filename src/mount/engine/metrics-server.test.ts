import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FsError } from "../../core/fs-error.ts";
import { silentLog } from "../../core/log.ts";
import { MetricsServer, renderMetrics } from "./metrics-server.ts";

const PORT = 39_417;
const STATE = { inodes: 12, requests: 345, problem: undefined };

describe("metrics", () => {
  it("are the engine's numbers under Prometheus' names", async () => {
    const text = await renderMetrics(STATE);
    assert.match(text, /^shoal_inodes 12$/m);
    assert.match(text, /^# TYPE shoal_requests_total counter$/m);
    assert.match(text, /^shoal_requests_total 345$/m);
  });

  it("are served on loopback, and a port that is taken is refused by name", async (t) => {
    const options = { port: PORT, state: async () => STATE, log: silentLog };
    const server = await MetricsServer.listen(options);
    t.after(() => server.close());
    const response = await fetch(`http://127.0.0.1:${PORT}/metrics`);
    assert.match(await response.text(), /^shoal_inodes 12$/m);
    assert.equal((await fetch(`http://127.0.0.1:${PORT}/`)).status, 404);
    await assert.rejects(MetricsServer.listen(options), (error: FsError) => {
      assert.equal(error.code, "EADDRINUSE");
      assert.match(error.message, new RegExp(String(PORT)));
      return true;
    });
  });
});
