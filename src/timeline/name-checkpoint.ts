/** Checkpoints as a user has them: made, looked up, listed, deleted. Each costs the same at any size of the volume. */
import { FsError } from "../core/fs-error.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import { CHECKPOINT_PREFIX, checkpointKey, rootNameOf } from "./object-keys.ts";
import { makeRoot, type RootContext, type RootOutcome, type RootSource } from "./root-source.ts";
import type { TimelineContext } from "./timeline-context.ts";

export interface SeenCheckpoint {
  readonly key: string;
  readonly tag: string;
  readonly checkpoint: Checkpoint;
}

/** Throws EEXIST for a name that is taken, ESTALE when the instant expired meanwhile. */
export async function createCheckpoint(
  context: RootContext,
  name: string,
  options: { readonly source: RootSource; readonly note: string },
): Promise<void> {
  const key = checkpointKey(name);
  const outcome = await makeRoot(context, options.source, async () => {
    const old = await readCheckpoint(context, name);
    if (old?.checkpoint.instant !== undefined) return "not made";
    const body = encodeCheckpoint({
      instant: options.source.instant,
      createdMs: context.clock.nowMs(),
      note: options.note,
      was: old?.checkpoint.was ?? [],
    });
    return put(context, { key, tag: old?.tag, body });
  });
  if (outcome === "not made")
    throw new FsError("EEXIST", `${context.store.url} has a checkpoint ${name} already`);
}

/** undefined when there was never one of that name; a tombstone is given as it is. */
export async function readCheckpoint(
  { store, signal }: Pick<TimelineContext, "store" | "signal">,
  name: string,
): Promise<SeenCheckpoint | undefined> {
  const key = checkpointKey(name);
  const found = await store.get(key, signal === undefined ? {} : { signal });
  if (found === undefined) return undefined;
  const checkpoint = decodeCheckpoint(found.body, `${store.url}/${key}`);
  return { key, tag: found.tag, checkpoint };
}

/** Names of all checkpoints, tombstones included, in order; a listing that fails throws. */
export async function* checkpointNames({
  store,
  signal,
}: Pick<TimelineContext, "store" | "signal">): AsyncGenerator<string> {
  const call = signal === undefined ? {} : { signal };
  for (let startAfter: string | undefined; ;) {
    const after = startAfter === undefined ? {} : { startAfter };
    const page = await store.list({ ...call, ...after, prefix: CHECKPOINT_PREFIX });
    for (const { key } of page.objects) {
      const name = rootNameOf(key, CHECKPOINT_PREFIX);
      if (name !== undefined) yield name;
    }
    startAfter = page.objects.at(-1)?.key;
    if (!page.truncated) return;
  }
}

/** Throws ENOENT when it is not there, EBUSY when others change it at the same time. */
export async function deleteCheckpoint(
  context: Pick<TimelineContext, "store" | "signal">,
  name: string,
): Promise<void> {
  const seen = await readCheckpoint(context, name);
  const instant = seen?.checkpoint.instant;
  if (seen === undefined || instant === undefined)
    throw new FsError("ENOENT", `${context.store.url} has no checkpoint ${name}`);
  const { createdMs, note, was } = seen.checkpoint;
  const body = encodeCheckpoint({ createdMs, note, was: [...was, instant] });
  if ((await put(context, { key: seen.key, tag: seen.tag, body })) === "not made")
    throw new FsError("EBUSY", `checkpoint ${name} of ${context.store.url} is being changed`);
}

/** Creates, or replaces what has `tag`. A refusal may be of our own earlier try: bytes tell. */
async function put(
  { store, signal }: Pick<TimelineContext, "store" | "signal">,
  object: { readonly key: string; readonly tag: string | undefined; readonly body: Uint8Array },
): Promise<RootOutcome> {
  const { key, tag, body } = object;
  const call = signal === undefined ? {} : { signal };
  const isDone =
    tag === undefined
      ? (await store.create(key, body, call)).created
      : (await store.swap(key, tag, body, call)).swapped;
  if (isDone) return "made";
  const found = await store.get(key, call);
  return found !== undefined && Buffer.compare(found.body, body) === 0 ? "made" : "not made";
}
