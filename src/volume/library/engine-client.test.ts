import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { SystemClock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { makeVolume } from "../volume-at-url.ts";
import { EngineClient } from "./engine-client.ts";
import { withHeadroom } from "./file-handle.ts";
import { OpenFlag } from "./open-flags.ts";

const MIB: number = 1024 * 1024;
const clock = new SystemClock();
const ROOT = { uid: 0, gid: 0, groups: [], umask: 0 } as const;

describe("EngineClient", () => {
  it("takes far more than the journal holds: calls wait until packs are stored (K6)", async () => {
    const folder = mkdtempSync(join(tmpdir(), "shoal-client-"));
    const root = join(folder, "volume");
    const config = await makeVolume({ url: root, compression: "none", acl: false, ...ROOT, clock });
    const client = await EngineClient.open({
      root,
      config,
      stateDirectory: join(folder, "state"),
      level: "disk",
      readOnly: false,
      credentials: ROOT,
      clock,
      log: silentLog,
      journalLimits: { segmentSize: 2 * MIB, totalSizeMax: 10 * MIB },
      signal: undefined,
    });
    const how = { flags: OpenFlag.RDWR | OpenFlag.CREAT, mode: 0o600 };
    const handle = await client.call("open", ["f", how], "f");
    const writes = Array.from({ length: 40 }, (_, i) => {
      const buffer = withHeadroom(new Uint8Array(MIB).fill(i));
      const weight = { size: MIB, transfer: buffer.buffer };
      return client.call("handleWrite", [handle, i * MIB, buffer], "f", weight);
    });
    assert.deepEqual(new Set(await Promise.all(writes)), new Set([MIB]));
    for (let i = 0; i < 40; i++) {
      const range = { offset: i * MIB, length: MIB };
      const bytes = await client.call("handleRead", [handle, range], "f", { size: MIB });
      assert.ok(bytes.length === MIB && bytes.every((byte) => byte === i));
    }
    await client.close(undefined);
    rmSync(folder, { recursive: true });
  });
});
