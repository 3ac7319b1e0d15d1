/** Opens all that take part in one contest. */
import type { Contender, Placement } from "./contender.ts";
import { openDisk } from "./disk.ts";
import { openPeer, type PeerName } from "./peers.ts";
import { openShoal } from "./shoal.ts";

export interface ContenderOptions {
  readonly placement: Placement;
  readonly peers: readonly PeerName[];
  /** For `shoal mount`. */
  readonly mount?: readonly string[];
}

/** The disk, ours, and the peers that the environment names; they close with the stack. */
export async function openContenders(
  stack: AsyncDisposableStack,
  { placement, peers, mount = [] }: ContenderOptions,
): Promise<Contender[]> {
  const contenders: Contender[] = [stack.use(openDisk(placement))];
  contenders.push(stack.use(await openShoal({ placement, mount })));
  for (const name of peers) {
    const peer = await openPeer(name, placement);
    if (peer !== undefined) contenders.push(stack.use(peer));
  }
  return contenders;
}
