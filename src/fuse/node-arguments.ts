/**
 * The arguments of requests that make or move names, decoded into two reused objects.
 * Source: fs/fuse/dir.c (create_new_entry, fuse_symlink, fuse_rename_common): fixed part, names each ended by a zero
 * byte, extensions up to the end of the request.
 */
import { getSaturatedU64Le } from "../core/u64.ts";
import {
  CREATE_IN_SIZE,
  decodeCreateIn,
  decodeMkdirIn,
  decodeMknodIn,
  MKDIR_IN_SIZE,
  MKNOD_IN_SIZE,
  newCreateIn,
  newMkdirIn,
  newMknodIn,
} from "./abi/create.ts";
import { decodeExtensions } from "./abi/extension.ts";
import { IN_HEADER_SIZE } from "./abi/header.ts";
import { Opcode } from "./abi/opcode.ts";
import { RENAME2_IN_SIZE, RENAME_IN_SIZE } from "./abi/rename.ts";
import { newNode, type NewNode, type RenameArguments } from "./filesystem.ts";
import type { Request } from "./request.ts";

const AT = IN_HEADER_SIZE;
/** S_IFLNK with all permissions, which a symbolic link always has. */
const SYMLINK_MODE = 0o120777;

export class NodeArguments {
  readonly #create = newCreateIn();
  readonly #mknod = newMknodIn();
  readonly #mkdir = newMkdirIn();
  readonly #node: NewNode = newNode();
  readonly #rename: RenameArguments = { oldName: "", newParent: 0, newName: "", flags: 0 };

  /** CREATE and TMPFILE. */
  create(request: Request): NewNode {
    const argument = decodeCreateIn(request.view, AT, this.#create);
    const node = this.#begin(request, AT + CREATE_IN_SIZE);
    node.mode = argument.mode;
    node.umask = argument.umask;
    node.flags = argument.flags;
    node.openFlags = argument.openFlags;
    return node;
  }

  mknod(request: Request): NewNode {
    const argument = decodeMknodIn(request.view, AT, this.#mknod);
    const node = this.#begin(request, AT + MKNOD_IN_SIZE);
    node.mode = argument.mode;
    node.umask = argument.umask;
    node.rdev = argument.rdev;
    return node;
  }

  mkdir(request: Request): NewNode {
    const argument = decodeMkdirIn(request.view, AT, this.#mkdir);
    const node = this.#begin(request, AT + MKDIR_IN_SIZE);
    node.mode = argument.mode;
    node.umask = argument.umask;
    return node;
  }

  symlink(request: Request): NewNode {
    const targetAt = request.nameEnd(AT) + 1;
    const node = this.#reset();
    node.name = request.name(AT);
    node.target = request.name(targetAt);
    node.mode = SYMLINK_MODE;
    takeExtensions(request, targetAt + node.target.length + 1);
    return node;
  }

  /** RENAME and RENAME2. */
  rename(request: Request): RenameArguments {
    const { view } = request;
    const extended = request.opcode === Opcode.RENAME2;
    const oldNameAt = AT + (extended ? RENAME2_IN_SIZE : RENAME_IN_SIZE);
    const rename = this.#rename;
    rename.newParent = getSaturatedU64Le(view, AT);
    rename.flags = extended ? view.getUint32(AT + 8, true) : 0;
    rename.oldName = request.name(oldNameAt);
    rename.newName = request.name(oldNameAt + rename.oldName.length + 1);
    return rename;
  }

  #begin(request: Request, nameAt: number): NewNode {
    const node = this.#reset();
    node.name = request.name(nameAt);
    takeExtensions(request, nameAt + node.name.length + 1);
    return node;
  }

  #reset(): NewNode {
    const node = this.#node;
    node.rdev = 0;
    node.umask = 0;
    node.flags = 0;
    node.openFlags = 0;
    node.target = "";
    return node;
  }
}

function takeExtensions(request: Request, at: number): void {
  decodeExtensions(request.bytes, request.view, at, request.size, request.extensions);
}
