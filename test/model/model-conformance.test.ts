/** The POSIX suites over the model: what the model is compared with must itself be right. */
import { SystemClock } from "../../src/core/clock.ts";
import { fullCapabilities, runPosixSuites } from "../conformance/posix/run-posix-conformance.ts";
import { createModel } from "./model-directory.ts";

const LIMITS = {
  fileSizeMax: Number.MAX_SAFE_INTEGER,
  linkCountMax: 65_000,
  xattrValueSizeMax: 65_536,
  allocationUnit: 4096,
} as const;

const clock = new SystemClock();
const stamp = { sec: 0, nsec: 0 };

runPosixSuites({
  name: "model",
  capabilities: {
    ...fullCapabilities(),
    mount: "the model is no mount",
    paths: "the model walks plain paths only",
    acl: "the model has no ACLs",
    handles: "the model has no handles by inode",
    fileFlags: "the model has no file flags",
  },
  limits: LIMITS,
  make() {
    const directory = createModel({
      ...LIMITS,
      protectedHardlinks: false,
      now() {
        clock.realtime(stamp);
        return BigInt(stamp.sec) * 1_000_000_000n + BigInt(stamp.nsec);
      },
    });
    return { directory, [Symbol.dispose]: () => {} };
  },
});
