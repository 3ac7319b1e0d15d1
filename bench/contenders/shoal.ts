/** A fresh volume of ours, mounted with the program of this clone. */
import { MountFixture } from "../../test/support/mount-fixture.ts";
import { type Contender, type Placement, placementPrefix } from "./contender.ts";

export interface ShoalContender extends Contender {
  readonly fixture: MountFixture;
}

export interface ShoalOptions {
  readonly name?: string;
  readonly placement: Placement;
  /** For `shoal mount`. */
  readonly mount?: readonly string[];
}

export async function openShoal(options: ShoalOptions): Promise<ShoalContender> {
  const { name = "shoal", placement, mount = [] } = options;
  const prefix = placementPrefix(placement);
  return contenderOf(await MountFixture.mounted({ name: "bench", mount, prefix }), name, placement);
}

/** What `fixture` has mounted; it goes with the contender. */
export function contenderOf(
  fixture: MountFixture,
  name: string,
  placement: Placement,
): ShoalContender {
  return {
    name,
    placement,
    directory: fixture.mountPoint,
    stored: fixture.base,
    fixture,
    isPeer: false,
    share: 1,
    processes: () => fixture.processes(),
    remount: () => fixture.remount(),
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}
