/** Keys of a store that is a part of a bucket: each begins with the prefix of the store there. */
import { FsError } from "../../core/fs-error.ts";
import { KEY_SIZE_MAX } from "../object-key.ts";

export interface PrefixedKeys {
  /** Throws ENAMETOOLONG when the bucket cannot hold such a key. */
  full(key: string): string;
  /** undefined for a key outside of the prefix. */
  own(full: string): string | undefined;
}

/** `prefix` has no slash at its end; "" is the whole bucket. */
export function prefixedKeys(prefix: string): PrefixedKeys {
  const lead = prefix === "" ? "" : `${prefix}/`;
  return {
    full: (key) => {
      const full = `${lead}${key}`;
      const size = Buffer.byteLength(full);
      if (size > KEY_SIZE_MAX) {
        throw new FsError(
          "ENAMETOOLONG",
          `object key ${full.slice(0, 80)}… has ${size} bytes with its prefix; ${KEY_SIZE_MAX} are the limit`,
        );
      }
      return full;
    },
    own: (full) => (full.startsWith(lead) ? full.slice(lead.length) : undefined),
  };
}

/** False when no key can begin so: then nothing need be asked. */
export function couldBeginKey(prefix: string): boolean {
  if (prefix.startsWith(".") || prefix.startsWith("/")) return false;
  const closed = prefix.split("/").slice(0, -1);
  return closed.every((segment) => segment !== "" && segment !== "." && segment !== "..");
}
