/** A disk that leaves out what a rule asks for, to show that the tests of that rule find it. */
import { NodeDisk, type OpenMode } from "../../src/journal/disk.ts";

export class MutantDisk extends NodeDisk {
  readonly #paths = new Map<number, string>();
  readonly #skips: (path: string) => boolean;

  /** `skips` is asked for each flush of a file or directory whether it is left out. */
  constructor(skips: (path: string) => boolean) {
    super();
    this.#skips = skips;
  }

  override open(path: string, mode: OpenMode): number {
    const fd = super.open(path, mode);
    this.#paths.set(fd, path);
    return fd;
  }

  override datasync(fd: number): void {
    if (!this.#skips(this.#paths.get(fd) ?? "")) super.datasync(fd);
  }

  override syncDirectory(path: string): void {
    if (!this.#skips(path)) super.syncDirectory(path);
  }
}
