/** The pack thread: builds planned packs into the staging directory, one after the other (rules K2, K3). */
import { workerData } from "node:worker_threads";
import { SystemClock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { toPackId } from "../core/ids.ts";
import { NodeDisk } from "../journal/disk.ts";
import { setThreadName } from "../sys/process.ts";
import { LocalBlocks } from "./local-blocks.ts";
import { PackBuilder } from "./pack-builder.ts";
import type { FromPacks, PackThreadJournal, PackThreadStart, ToPacks } from "./pack-worker.ts";
import { stagingRoot } from "./volume-paths.ts";

const start = workerData as PackThreadStart;
const { options } = start;
setThreadName("shoal-packs");
let builder: PackBuilder | undefined;

start.port.on("message", (message: ToPacks | PackThreadJournal) => {
  if ("journalDir" in message) {
    builder = openBuilder(message);
    return;
  }
  start.port.postMessage(build(message));
});

function openBuilder(journal: PackThreadJournal): PackBuilder {
  const staging = stagingRoot(start.stateDirectory);
  return new PackBuilder({
    disk: new NodeDisk(),
    journalDir: journal.journalDir,
    journalUuid: Buffer.from(journal.journalUuid, "hex"),
    stagingRoot: staging,
    volumeUuid: options.uuid,
    timeline: options.timeline,
    compression: options.compression,
    blocks: new LocalBlocks({
      storeRoot: options.root,
      stagingRoot: staging,
      volumeUuid: options.uuid,
      timeline: options.timeline,
      clock: new SystemClock(),
    }),
  });
}

function build(message: ToPacks): FromPacks {
  const { pack } = message;
  try {
    if (builder === undefined) throw new FsError("EIO", "the pack thread has no journal yet");
    if (message.kind === "compare") {
      return {
        kind: "compared",
        pack,
        isSame: builder.decodesToPlan(toPackId(pack), message.plan),
      };
    }
    const staged = builder.build(toPackId(pack), message.plan);
    return { kind: "staged", pack, path: staged.path, size: staged.size };
  } catch (error) {
    const code = error instanceof FsError ? error.code : "EIO";
    return { kind: "failed", pack, code, message: String(error) };
  }
}
