/**
 * The POSIX suites over the engine in process: what a mount leaves to the kernel (paths, access, credentials) is ours
 * here. Once as volumes are by default, and once with POSIX ACLs. Every test has a volume of its own.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { checkSettled } from "../../support/volume-check.ts";
import { makeTemporaryRoot, makeVolume, VolumeHarness } from "../../support/volume-harness.ts";
import type { VolumeConfig } from "../../../src/volume/volume-config.ts";
import { EngineCalls, EngineDirectory, PresentClock } from "./engine-directory.ts";
import type { PosixTree } from "./posix-suite.ts";
import { fullCapabilities, runPosixSuites } from "./run-posix-conformance.ts";

const base = makeTemporaryRoot();
after(() => rmSync(base, { recursive: true, force: true }));

/** A WRITE of 1 MiB fits a segment; few segments, so that none of the longer tests fits the journal. */
const LIMITS = { segmentSize: 2 * 1024 * 1024, totalSizeMax: 16 * 2 * 1024 * 1024 };
const NAMES = { false: "engine", true: "engine with ACLs" } as const;

const clock = new PresentClock();
const plain = await makeEmpty(false);
const withAcls = await makeEmpty(true);
runOverEngine(plain);
runOverEngine(withAcls);

interface EmptyVolume {
  readonly root: string;
  readonly config: VolumeConfig;
}

async function makeEmpty(acl: boolean): Promise<EmptyVolume> {
  const root = join(base, NAMES[`${acl}`]);
  return { root, config: await makeVolume(root, { acl }, clock) };
}

function runOverEngine({ root, config }: EmptyVolume): void {
  const { acl } = config;
  runPosixSuites({
    name: NAMES[`${acl}`],
    capabilities: {
      ...fullCapabilities(),
      mount: "there is no kernel before the engine",
      ...(acl ? {} : { acl: "the volume was made without ACLs" }),
    },
    limits: {
      fileSizeMax: Number.MAX_SAFE_INTEGER,
      linkCountMax: 65_000,
      xattrValueSizeMax: 65_536,
      allocationUnit: 4096,
    },
    make: () => openCopy(root, config),
  });
}

/** What the test leaves behind must be a sound volume. */
function openCopy(root: string, config: VolumeConfig): PosixTree {
  const own = mkdtempSync(join(base, "test-"));
  cpSync(root, join(own, "0"), { recursive: true });
  const options = { acl: config.acl, limits: LIMITS };
  const harness = new VolumeHarness({ base: own, clock, config, options });
  harness.open();
  const directory = new EngineDirectory(new EngineCalls(harness));
  return {
    directory,
    [Symbol.dispose]() {
      try {
        harness.settle();
        checkSettled(harness);
      } finally {
        harness[Symbol.dispose]();
      }
    },
  };
}
