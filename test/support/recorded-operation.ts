/** What the recording filesystem writes down, in the order in which it happened. Inode 1 is the root. */
export type RecordedOperation =
  | {
      readonly kind: "create";
      readonly parent: number;
      readonly name: string;
      readonly ino: number;
      readonly isDirectory: boolean;
    }
  | { readonly kind: "link"; readonly parent: number; readonly name: string; readonly ino: number }
  | { readonly kind: "unlink"; readonly parent: number; readonly name: string }
  | {
      readonly kind: "rename";
      readonly parent: number;
      readonly name: string;
      readonly newParent: number;
      readonly newName: string;
    }
  | {
      readonly kind: "write";
      readonly ino: number;
      readonly offset: number;
      readonly data: Uint8Array;
    }
  | { readonly kind: "truncate"; readonly ino: number; readonly size: number }
  /** fsync or fdatasync of a file: content and size. */
  | { readonly kind: "sync"; readonly ino: number }
  /** fsync of a directory: its names. */
  | { readonly kind: "syncDirectory"; readonly ino: number }
  /** What the program that is recorded wrote to MARK_FILE, at its place among the rest. */
  | { readonly kind: "mark"; readonly text: string };

/** Writes to this file of the root are marks. */
export const MARK_FILE = "marks";

/** SQLite's shared index is made anew by whoever opens the database first: it is no part of what a crash leaves. */
export function isForgotten(name: string): boolean {
  return name.endsWith("-shm") || name === MARK_FILE;
}
