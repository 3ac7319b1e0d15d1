/**
 * What the command ends with. Scripts rely on these numbers; README.md lists them.
 * Source of the helper's: mount(8), "EXIT STATUS".
 */

export const ExitCode = {
  OK: 0,
  FAILURE: 1,
  USAGE: 2,
  /** fsck looked at everything and found damage. */
  FSCK_PROBLEMS: 1,
  /** fsck could not look at everything. */
  FSCK_UNCHECKED: 8,
  /** As `mount.fuse.shoal`: wrong arguments, or not allowed. */
  HELPER_USAGE: 1,
  /** As `mount.fuse.shoal`: the mount failed. */
  HELPER_FAILURE: 32,
} as const;
