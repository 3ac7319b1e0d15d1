/** The head of a branch as the store has it now. */
import { FsError } from "../core/fs-error.ts";
import { type BranchHead, decodeBranchHead } from "./branch-head.ts";
import { branchKey } from "./object-keys.ts";
import type { TimelineContext } from "./timeline-context.ts";

export interface SeenHead {
  readonly head: BranchHead;
  readonly tag: string;
}

/** undefined when nobody ever made the branch; a tombstone is given as it is. */
export async function readHead(
  { store, signal }: Pick<TimelineContext, "store" | "signal">,
  branch: string,
): Promise<SeenHead | undefined> {
  const key = branchKey(branch);
  const found = await store.get(key, signal === undefined ? {} : { signal });
  if (found === undefined) return undefined;
  return { head: decodeBranchHead(found.body, `${store.url}/${key}`), tag: found.tag };
}

/** Throws ENOENT for a branch that is not there or was deleted. */
export async function readLiveHead(
  context: Pick<TimelineContext, "store" | "signal">,
  branch: string,
): Promise<SeenHead> {
  const seen = await readHead(context, branch);
  if (seen === undefined || seen.head.isDeleted) {
    const what = seen === undefined ? "has no branch" : "had, and has no more, a branch";
    throw new FsError("ENOENT", `${context.store.url} ${what} ${branch}`);
  }
  return seen;
}
