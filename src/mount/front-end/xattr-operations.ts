/** Extended attributes and ACLs through FUSE. */
import { ERRNO } from "../../core/fs-error.ts";
import { toIno } from "../../core/ids.ts";
import { SetxattrFlag } from "../../fuse/abi/flags.ts";
import type { SetxattrArguments, XattrOperations } from "../../fuse/filesystem.ts";
import type { Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import { InodeFlag } from "../../meta/inode.ts";
import { removexattr } from "../../meta/ops/removexattr.ts";
import { setxattr } from "../../meta/ops/setxattr.ts";
import { isAclName } from "../../meta/xattr-permission.ts";
import { getXattr, listXattrs } from "../../meta/xattr-read.ts";
import { CAPABILITY_NAME } from "../../meta/xattr-store.ts";
import type { FrontEndContext } from "./front-end-context.ts";

const NAME_END = "\0";

export class VolumeXattrs implements XattrOperations {
  readonly #context: FrontEndContext;

  constructor(context: FrontEndContext) {
    this.#context = context;
  }

  getxattr(request: Request, name: string, size: number, reply: Reply): void {
    const { meta } = this.#context.state;
    const inode = meta.requireInode(toIno(request.nodeid));
    // Asked before writes, mostly in vain.
    if (name === CAPABILITY_NAME && !inode.has(InodeFlag.CAPABILITY)) {
      reply.error(-ERRNO.ENODATA);
      return;
    }
    if (isAclName(name) && !meta.acl) {
      reply.error(-ERRNO.EOPNOTSUPP);
      return;
    }
    const value = getXattr(meta, this.#context.caller(request), inode, name);
    if (value === undefined) reply.error(-ERRNO.ENODATA);
    else reply.xattr(size, value);
  }

  listxattr(request: Request, size: number, reply: Reply): void {
    const { meta } = this.#context.state;
    const inode = meta.requireInode(toIno(request.nodeid));
    const names = listXattrs(meta, this.#context.caller(request), inode);
    reply.xattr(size, Buffer.from(names.map((name) => name + NAME_END).join(""), "latin1"));
  }

  setxattr(request: Request, argument: SetxattrArguments, reply: Reply): void {
    this.#context.checkSpace(request);
    this.#context.executor.runMeta(setxattr, this.#context.caller(request), {
      ino: toIno(request.nodeid),
      name: argument.name,
      value: argument.value.slice(),
      flags: argument.flags,
      killSgid: (argument.setxattrFlags & SetxattrFlag.ACL_KILL_SGID) !== 0,
    });
    reply.empty();
  }

  removexattr(request: Request, name: string, reply: Reply): void {
    this.#context.executor.runMeta(removexattr, this.#context.caller(request), {
      ino: toIno(request.nodeid),
      name,
    });
    reply.empty();
  }
}
