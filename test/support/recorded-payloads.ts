/** Payloads that a short random workload writes into its journal, and the decoder of each kind, for fuzzing. */
import { ByteReader } from "../../src/core/byte-reader.ts";
import { CorruptError } from "../../src/core/fs-error.ts";
import { Prng } from "../../src/core/prng.ts";
import type { JournalScratch } from "../../src/journal/journal.ts";
import type { Operation } from "../../src/meta/operation.ts";
import { atime } from "../../src/meta/ops/atime.ts";
import { create } from "../../src/meta/ops/create.ts";
import { link } from "../../src/meta/ops/link.ts";
import { removexattr } from "../../src/meta/ops/removexattr.ts";
import { rename } from "../../src/meta/ops/rename.ts";
import { rmdir } from "../../src/meta/ops/rmdir.ts";
import { setInodeFlags } from "../../src/meta/ops/set-inode-flags.ts";
import { setxattr } from "../../src/meta/ops/setxattr.ts";
import { unlink } from "../../src/meta/ops/unlink.ts";
import { copyRange } from "../../src/vfs/ops/copy-range.ts";
import { fallocate } from "../../src/vfs/ops/fallocate.ts";
import { packDropped } from "../../src/vfs/ops/pack-dropped.ts";
import { packStored } from "../../src/vfs/ops/pack-stored.ts";
import { reap } from "../../src/vfs/ops/reap.ts";
import { rewrite } from "../../src/vfs/ops/rewrite.ts";
import { setattr } from "../../src/vfs/ops/setattr.ts";
import { VolumeActions } from "./volume-actions.ts";
import { VolumeHarness } from "./volume-harness.ts";
import { VolumeModel } from "./volume-model.ts";

const STEP_COUNT = 400;
const PER_KIND_COUNT_MAX = 6;

type AnyOperation = Operation<never, unknown, unknown>;

const ALL: readonly unknown[] = [
  atime,
  create,
  link,
  removexattr,
  rename,
  rmdir,
  setInodeFlags,
  setxattr,
  unlink,
  setattr,
  fallocate,
  copyRange,
  reap,
  packStored,
  packDropped,
  rewrite,
];
const OPERATIONS: ReadonlyMap<number, AnyOperation> = new Map(
  (ALL as readonly AnyOperation[]).map((operation) => [operation.kind, operation]),
);

export interface RecordedPayloads {
  /** Each begins with its kind and version. */
  readonly payloads: readonly Uint8Array[];
  /** Throws FsError for what is no operation. */
  readonly decode: (bytes: Uint8Array) => void;
}

export async function recordedOperations(): Promise<RecordedPayloads> {
  const prng = new Prng(1);
  using harness = await VolumeHarness.create({ schedule: prng });
  const { core } = harness;
  const byKind = new Map<number, Uint8Array[]>();
  const append = core.journal.append.bind(core.journal);
  core.journal.append = (fields, scratch: JournalScratch): number => {
    const payloads = byKind.get(fields.kind) ?? [];
    byKind.set(fields.kind, payloads);
    const payload = Buffer.concat([Buffer.from([fields.kind, fields.version]), scratch.payload()]);
    if (payloads.length < PER_KIND_COUNT_MAX) payloads.push(new Uint8Array(payload));
    return append(fields, scratch);
  };
  const actions = new VolumeActions({ prng, model: new VolumeModel(), core });
  for (let step = 0; step < STEP_COUNT; step++) {
    actions.step(() => harness.settle());
    if (step % 10 === 0) harness.settle();
  }
  return { payloads: [...byKind.values()].flat(), decode };
}

function decode(bytes: Uint8Array): void {
  const from = new ByteReader().open(bytes, 0, bytes.length);
  const [kind, version] = [from.u8(), from.u8()];
  const operation = OPERATIONS.get(kind);
  if (operation === undefined) throw new CorruptError(`no operation of kind ${kind}`);
  operation.decode(from, version);
  from.finish();
}
