/** The unmount itself, for the command and for the helper of umount(8). */
import type { UnmountRequest } from "./actions.ts";
import { ExitCode } from "./exit-code.ts";
import type { World } from "./world.ts";

/** Says how it went; returns the exit code. */
export async function performUnmount(world: World, request: UnmountRequest): Promise<number> {
  const actions = await world.loadActions();
  const { outcome, mountPoint, holders, reason } = await actions.unmountVolume(request);
  switch (outcome) {
    case "unmounted":
      world.print(`${mountPoint} is unmounted\n`);
      return ExitCode.OK;
    case "cleared":
      world.note(`shoal: ${mountPoint} is unmounted, but was not drained: ${reason}\n`);
      world.note(
        "       What was written last is in its journal: mount the volume again to store it\n",
      );
      return ExitCode.FAILURE;
    case "detached":
      world.print(`${mountPoint} is detached; it ends when nobody uses it any more\n`);
      return ExitCode.OK;
    case "busy":
      world.note(`shoal: ${mountPoint} is in use\n`);
      for (const holder of holders) world.note(`       ${holder}\n`);
      world.note("       Close what is open there, or use --lazy (detach now, end later)\n");
      return ExitCode.FAILURE;
    case "late":
      world.note(
        `shoal: ${mountPoint} is still being drained, which goes on: \`shoal status\` shows how far it is\n` +
          "       Unmount it again when it is done, or with a longer --timeout\n",
      );
      return ExitCode.FAILURE;
  }
}
