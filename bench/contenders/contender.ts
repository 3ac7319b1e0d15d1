/** One filesystem that takes part in a contest: an empty directory of it, and who serves it. */

/** Where client and daemon run: wherever the kernel puts them, or both on one CPU. */
export type Placement = "default" | "one CPU";

export const PLACEMENTS: readonly Placement[] = ["default", "one CPU"];

/** The CPU that "one CPU" is: not the first, which takes the interrupts of many machines. */
export const PINNED_CPU = 1;

export interface Contender extends AsyncDisposable {
  readonly name: string;
  readonly placement: Placement;
  readonly directory: string;
  /** Where on the disk all it keeps lies; what it has mounted may lie there too. */
  readonly stored: string;
  /** Other people's program: it may fail without failing the run. */
  readonly isPeer: boolean;
  /** What share of the usual number of operations it does, so that slow ones end in time; rates are compared. */
  readonly share: number;
  /** The processes that serve it; none for a filesystem in the kernel. */
  processes(): number[];
  /** Unmounts and mounts again, so that it and the kernel know nothing of the files any more; undefined: cannot. */
  readonly remount?: () => Promise<void>;
}

/** The CPU a client of `contender` is bound to. */
export function cpuOf(contender: Contender): number | undefined {
  return contender.placement === "one CPU" ? PINNED_CPU : undefined;
}

/** What goes before the command of a daemon. */
export function placementPrefix(placement: Placement): string[] {
  return placement === "one CPU" ? ["taskset", "-c", String(PINNED_CPU)] : [];
}
