/** What a directory entry may be called: 1 to 255 bytes, none of them "/" or NUL. Names are latin1 strings, one character a byte. */
import { FsError } from "../core/fs-error.ts";
import { NAME_SIZE_MAX } from "../core/limits.ts";

/** For a name that is looked up. Throws ENAMETOOLONG: no such name can exist. */
export function checkNameSize(name: string): void {
  if (name.length > NAME_SIZE_MAX) {
    throw new FsError(
      "ENAMETOOLONG",
      `a name of ${name.length} bytes; the limit is ${NAME_SIZE_MAX}`,
    );
  }
}

/** For a name that is to be made. Throws ENAMETOOLONG, ENOENT (empty), EEXIST ("." and "..") or EINVAL. */
export function checkNewName(name: string): void {
  checkNameSize(name);
  if (name.length === 0) throw new FsError("ENOENT", "an empty name");
  if (name === "." || name === "..") throw new FsError("EEXIST", `the name "${name}"`);
  if (name.includes("/") || name.includes("\0")) {
    throw new FsError("EINVAL", 'a name may hold neither "/" nor NUL');
  }
}
