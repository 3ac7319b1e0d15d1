/** What concerns the volume as a whole: statfs, and the kernel's forgetting. */
import { toIno } from "../../core/ids.ts";
import { NAME_SIZE_MAX } from "../../core/limits.ts";
import { newKstatfs } from "../../fuse/abi/statfs.ts";
import type { VolumeOperations } from "../../fuse/filesystem.ts";
import type { Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import type { FrontEndContext } from "./front-end-context.ts";

/** Unit of statfs's counts, and the alignment that fallocate's shifting asks for. */
const STATFS_BLOCK_SIZE = 4096;

export class VolumeWhole implements VolumeOperations {
  readonly #context: FrontEndContext;
  readonly #statfs = newKstatfs();

  constructor(context: FrontEndContext) {
    this.#context = context;
  }

  statfs(_request: Request, reply: Reply): void {
    const { meta, dirty } = this.#context.state;
    const free = this.#context.space.free();
    const used = Math.ceil((meta.byteCount + dirty.byteCount) / STATFS_BLOCK_SIZE);
    const statfs = this.#statfs;
    statfs.bsize = STATFS_BLOCK_SIZE;
    statfs.frsize = STATFS_BLOCK_SIZE;
    statfs.bfree = Math.floor(free.bytes / STATFS_BLOCK_SIZE);
    statfs.bavail = statfs.bfree;
    statfs.blocks = used + statfs.bfree;
    statfs.ffree = free.inodes;
    statfs.files = meta.inodeCount + free.inodes;
    statfs.namelen = NAME_SIZE_MAX;
    reply.statfs(statfs);
  }

  forget(nodeid: number, _nlookup: number): void {
    const ino = toIno(nodeid);
    if (this.#context.state.meta.orphans.has(ino)) this.#context.caches.forgotten(ino);
  }
}
