/** One table from beginning to end: opens the contenders, runs the works, prints, and keeps what a full run found. */
import type { Placement } from "../contenders/contender.ts";
import { openContenders } from "../contenders/open-contenders.ts";
import type { PeerName } from "../contenders/peers.ts";
import { reasonNotToMount } from "../../test/support/mount-fixture.ts";
import { contest, type Row, type Work } from "./contest.ts";
import { readMode } from "./mode.ts";
import { printRows } from "./print-rows.ts";
import { readRows, saveResult } from "./results.ts";

export interface Table {
  /** Of the file in bench/results; on one CPU `-one-cpu` follows. */
  readonly name: string;
  /** Each is a batch of its own. */
  readonly placements: readonly Placement[];
  readonly peers: readonly PeerName[];
  /** For `shoal mount`. */
  readonly mount?: readonly string[];
  readonly works: readonly Work[];
  readonly notes: readonly string[];
  /** Before the contenders are unmounted: stops what still uses them. */
  readonly finish?: () => Promise<void>;
}

export async function runTable(table: Table): Promise<void> {
  const reason = reasonNotToMount();
  if (reason !== undefined) {
    console.log(`not run: ${reason}`);
    return;
  }
  const mode = readMode();
  for (const placement of table.placements) {
    if (mode.placement !== undefined && mode.placement !== placement) continue;
    await using stack = new AsyncDisposableStack();
    const contenders = await openContenders(stack, { ...table, placement });
    if (table.finish !== undefined) stack.defer(table.finish);
    const suffix =
      placement === "default" ? "" : `-${placement.toLowerCase().replaceAll(" ", "-")}`;
    const name = `${table.name}${suffix}`;
    // After each round, so that a run that is cut short has not been for nothing.
    const keep = (rows: readonly Row[]): void => {
      if (mode.isFull) saveResult(name, rows, table.notes);
    };
    const rows = await contest(contenders, table.works, {
      roundCount: mode.roundCount,
      earlier: mode.isAdding ? readRows(name) : [],
      isVerbose: mode.isFull,
      onRound: keep,
    });
    printRows(rows);
  }
}
