/** ACL values for tests, written as setfacl(1) writes them: "u::rw-,u:1000:r--,g::r--,m::r--,o::---". */

const TAGS: Readonly<Record<string, readonly [nameless: number, named: number]>> = {
  u: [0x01, 0x02],
  g: [0x04, 0x08],
  m: [0x10, 0x10],
  o: [0x20, 0x20],
};

/** The xattr value, with the entries in the order they are given; nothing is checked. */
export function aclValue(text: string): Uint8Array {
  const parts = text === "" ? [] : text.split(",");
  const value = new Uint8Array(4 + parts.length * 8);
  const view = new DataView(value.buffer);
  view.setUint32(0, 2, true);
  for (const [index, part] of parts.entries()) {
    const [kind = "", id = "", perm = ""] = part.split(":");
    const tags = TAGS[kind];
    if (tags === undefined) throw new Error(`an ACL entry begins with u, g, m or o: ${part}`);
    const at = 4 + index * 8;
    view.setUint16(at, id === "" ? tags[0] : tags[1], true);
    view.setUint16(at + 2, permOf(perm), true);
    view.setUint32(at + 4, id === "" ? 0xffff_ffff : Number(id), true);
  }
  return value;
}

function permOf(text: string): number {
  return (text.includes("r") ? 4 : 0) | (text.includes("w") ? 2 : 0) | (text.includes("x") ? 1 : 0);
}
