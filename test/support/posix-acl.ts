/**
 * ACLs as Linux passes them in system.posix_acl_access and system.posix_acl_default.
 * Source: linux/posix_acl_xattr.h: u32 version 2, then entries of u16 tag, u16 permissions, u32 id, little-endian.
 */

const VERSION = 2;
const HEADER_SIZE = 4;
const ENTRY_SIZE = 8;
const NO_ID = 0xffff_ffff;

export const ACCESS_ACL = "system.posix_acl_access";
export const DEFAULT_ACL = "system.posix_acl_default";

const TAGS = { u: 0x01, user: 0x02, g: 0x04, group: 0x08, m: 0x10, o: 0x20 } as const;

/** From "u::rwx user:1001:r-- g::r-x group:2001:rw- m::rwx o::---", in this order of entries. */
export function acl(entries: string): Uint8Array {
  const words = entries.split(" ").filter((word) => word !== "");
  const view = new DataView(new ArrayBuffer(HEADER_SIZE + words.length * ENTRY_SIZE));
  view.setUint32(0, VERSION, true);
  for (const [index, word] of words.entries()) {
    const [tag, id, permissions] = word.split(":") as [keyof typeof TAGS, string, string];
    const at = HEADER_SIZE + index * ENTRY_SIZE;
    view.setUint16(at, TAGS[tag], true);
    view.setUint16(at + 2, permissionBits(permissions), true);
    view.setUint32(at + 4, id === "" ? NO_ID : Number(id), true);
  }
  return new Uint8Array(view.buffer);
}

/** The same notation from the bytes. */
export function aclText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words: string[] = [];
  for (let at = HEADER_SIZE; at < bytes.length; at += ENTRY_SIZE) {
    const tag = Object.entries(TAGS).find(([, value]) => value === view.getUint16(at, true));
    const id = view.getUint32(at + 4, true);
    const bits = view.getUint16(at + 2, true);
    const permissions = ["r", "w", "x"].map((letter, i) => (bits & (4 >> i) ? letter : "-"));
    words.push(`${tag?.[0] ?? "?"}:${id === NO_ID ? "" : id}:${permissions.join("")}`);
  }
  return words.join(" ");
}

function permissionBits(letters: string): number {
  return (
    (letters.includes("r") ? 4 : 0) |
    (letters.includes("w") ? 2 : 0) |
    (letters.includes("x") ? 1 : 0)
  );
}
