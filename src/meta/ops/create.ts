/**
 * Makes an inode of any type: file, directory, symlink, device, fifo, socket, or a file without a name (O_TMPFILE).
 *
 * Mode: the umask is applied here (FUSE_DONT_MASK), unless the parent has a default ACL, which then decides
 * (acl(5), "Object creation and default ACLs"). Group, set-gid, chattr flags and project: meta/inherit.ts.
 */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { SYMLINK_SIZE_MAX } from "../../core/limits.ts";
import { ACCESS_ACL_NAME, DEFAULT_ACL_NAME, inheritAcl } from "../acl.ts";
import { checkNewName } from "../file-name.ts";
import { inheritFlags, inheritGroup, inheritProject, inheritSgid } from "../inherit.ts";
import { FileType, InodeFlag, MODE_MASK, TYPE_MASK } from "../inode.ts";
import { FIRST_COOKIE, type MetaState } from "../meta-state.ts";
import { OpKind, type Caller, type Operation } from "../operation.ts";
import { checkMayChangeDirectory, checkMaySearch } from "../permission.ts";
import { putXattr } from "../xattr-store.ts";

export interface CreateArgs {
  readonly parent: Ino;
  /** undefined: a file without a name, an orphan until it is linked. */
  readonly name: string | undefined;
  /** Type and permission bits as asked, before the umask. */
  readonly mode: number;
  readonly rdev: number;
  /** Symlinks only. */
  readonly target?: string;
}

export interface CreateResult {
  readonly ino: Ino;
  /** Final type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly flags: number;
  readonly projid: number;
  readonly accessAcl: Uint8Array | undefined;
  readonly defaultAcl: Uint8Array | undefined;
  readonly sec: number;
  readonly nsec: number;
}

const NO_NAME = "";
const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.values(FileType));

export const create: Operation<MetaState, CreateArgs, CreateResult> = {
  kind: OpKind.CREATE,
  version: 1,
  name: "create",
  prepare,
  apply,
  encode,
  decode,
};

function prepare(state: MetaState, caller: Caller, args: CreateArgs): CreateResult {
  const parent = state.requireDirectory(args.parent);
  if (args.name !== undefined) {
    checkNewName(args.name);
    checkMaySearch(state, caller, parent);
    if (state.lookup(args.parent, args.name) !== undefined) {
      throw new FsError("EEXIST", "the name exists");
    }
  }
  checkMayChangeDirectory(state, caller, parent);
  const type = args.mode & TYPE_MASK;
  if (!KNOWN_TYPES.has(type)) throw new FsError("EINVAL", `file type ${type.toString(8)}`);
  if (type === FileType.SYMLINK) checkTarget(args.target);
  let mode = inheritSgid(parent, caller, args.mode & (TYPE_MASK | MODE_MASK));
  let accessAcl: Uint8Array | undefined;
  let defaultAcl: Uint8Array | undefined;
  if (type === FileType.SYMLINK) {
    mode = FileType.SYMLINK | 0o777;
  } else if (state.acl && parent.has(InodeFlag.DEFAULT_ACL)) {
    const value = state.tables.xattrs.get(parent.ino, DEFAULT_ACL_NAME);
    if (value === undefined) throw new CorruptError(`directory ${parent.ino} lost its default ACL`);
    const inherited = inheritAcl(value, mode);
    mode = inherited.mode;
    accessAcl = inherited.accessAcl;
    if (type === FileType.DIRECTORY) defaultAcl = value;
  } else {
    mode &= ~(caller.umask & 0o777);
  }
  return {
    ino: toIno(state.nextIno),
    mode,
    uid: caller.uid,
    gid: inheritGroup(parent, caller),
    flags: inheritFlags(parent, type),
    projid: inheritProject(parent),
    accessAcl,
    defaultAcl,
    sec: caller.now.sec,
    nsec: caller.now.nsec,
  };
}

function checkTarget(target: string | undefined): void {
  if (target === undefined || target.length === 0) {
    throw new FsError("ENOENT", "a symbolic link needs a target");
  }
  if (target.length > SYMLINK_SIZE_MAX) {
    throw new FsError("ENAMETOOLONG", `a symbolic link's target of ${target.length} bytes`);
  }
}

function apply(state: MetaState, args: CreateArgs, result: CreateResult): void {
  const parent = state.getInode(args.parent);
  if (parent === undefined) throw new CorruptError(`create: directory ${args.parent} is missing`);
  const inode = state.addInode(result.ino);
  inode.mode = result.mode;
  inode.uid = result.uid;
  inode.gid = result.gid;
  inode.flags = result.flags;
  inode.projid = result.projid;
  inode.rdev = args.rdev;
  inode.setAllTimes(result);
  if (result.accessAcl !== undefined) {
    putXattr(state, inode, ACCESS_ACL_NAME, result.accessAcl);
  }
  if (result.defaultAcl !== undefined) {
    putXattr(state, inode, DEFAULT_ACL_NAME, result.defaultAcl);
  }
  if (args.target !== undefined) {
    state.tables.symlinks.put(inode.ino, args.target);
    inode.size = args.target.length;
  }
  if (args.name === undefined) {
    inode.flags |= InodeFlag.LINKABLE;
    state.addOrphan(inode.ino);
    return;
  }
  inode.nlink = 1;
  if (inode.isDirectory()) {
    inode.nlink = 2;
    inode.parent = parent.ino;
    inode.nextCookie = FIRST_COOKIE;
    parent.nlink++;
  }
  state.link(parent, args.name, inode);
  parent.setMtimeAndCtime(result);
}

function encode(into: ByteWriter, args: CreateArgs, result: CreateResult): void {
  into.uvarint(args.parent);
  into.latin1(args.name ?? NO_NAME);
  into.uvarint(args.mode);
  into.uvarint(args.rdev);
  into.latin1(args.target ?? NO_NAME);
  into.uvarint(result.ino);
  into.uvarint(result.mode);
  into.uvarint(result.uid);
  into.uvarint(result.gid);
  into.uvarint(result.flags);
  into.uvarint(result.projid);
  into.bytes(result.accessAcl ?? NOTHING);
  into.bytes(result.defaultAcl ?? NOTHING);
  into.svarint(result.sec);
  into.u32(result.nsec);
}

const NOTHING = new Uint8Array(0);

function decode(from: ByteReader): { args: CreateArgs; result: CreateResult } {
  const parent = toIno(from.uvarint());
  const name = from.latin1();
  const mode = from.uvarint();
  const rdev = from.uvarint();
  const target = from.latin1();
  const args: CreateArgs = {
    parent,
    name: name === NO_NAME ? undefined : name,
    mode,
    rdev,
    ...(target === NO_NAME ? {} : { target }),
  };
  const result: CreateResult = {
    ino: toIno(from.uvarint()),
    mode: from.uvarint(),
    uid: from.uvarint(),
    gid: from.uvarint(),
    flags: from.uvarint(),
    projid: from.uvarint(),
    accessAcl: presentBytes(from.bytes()),
    defaultAcl: presentBytes(from.bytes()),
    sec: from.svarint(),
    nsec: from.u32(),
  };
  return { args, result };
}

function presentBytes(value: Uint8Array): Uint8Array | undefined {
  return value.length === 0 ? undefined : value;
}
