/** An entry of a directory, as `readdir` with `withFileTypes` gives it. */
import { FileType } from "../../meta/inode.ts";
import { toBuffer, toText } from "./path-bytes.ts";

/** The S_IFMT bits begin here; DT_* are they. */
const TYPE_SHIFT = 12;

export class VolumeEntry {
  readonly #name: string;
  readonly #type: number;
  readonly ino: number;

  /** `name` in bytes; `type` DT_*. */
  constructor(entry: { readonly name: string; readonly ino: number; readonly type: number }) {
    this.#name = entry.name;
    this.#type = entry.type;
    this.ino = entry.ino;
  }

  get name(): string {
    return toText(this.#name);
  }
  /** The name as it is stored, for one that is no UTF-8. */
  get nameBytes(): Buffer {
    return toBuffer(this.#name);
  }

  isFile(): boolean {
    return this.#is(FileType.REGULAR);
  }
  isDirectory(): boolean {
    return this.#is(FileType.DIRECTORY);
  }
  isSymbolicLink(): boolean {
    return this.#is(FileType.SYMLINK);
  }
  isFIFO(): boolean {
    return this.#is(FileType.FIFO);
  }
  isSocket(): boolean {
    return this.#is(FileType.SOCKET);
  }
  isBlockDevice(): boolean {
    return this.#is(FileType.BLOCK);
  }
  isCharacterDevice(): boolean {
    return this.#is(FileType.CHARACTER);
  }

  #is(type: number): boolean {
    return this.#type === type >>> TYPE_SHIFT;
  }
}
