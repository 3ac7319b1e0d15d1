/**
 * Watches requests while somebody reads the access log: what was asked, by whom, what came of it, how long it took.
 * Not there, and costing nothing, otherwise.
 */
import type { Clock } from "../../core/clock.ts";
import { ERRNO } from "../../core/fs-error.ts";
import { IN_HEADER_SIZE } from "../../fuse/abi/header.ts";
import { Opcode, opcodeName } from "../../fuse/abi/opcode.ts";
import type { Dispatcher } from "../../fuse/dispatch.ts";
import { ReplyState, type Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import type { AccessEntry } from "./engine-link.ts";

/** Records handed on at once; a reader that is slower sees them later, none are dropped here. */
const BATCH_COUNT = 256;
const AT = IN_HEADER_SIZE;

const ERRNO_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ERRNO).map(([name, number]) => [-number, name]),
);

export class AccessObserver {
  readonly #clock: Clock;
  readonly #post: (records: readonly AccessEntry[]) => void;
  #records: AccessEntry[] = [];

  constructor(clock: Clock, post: (records: readonly AccessEntry[]) => void) {
    this.#clock = clock;
    this.#post = post;
  }

  observe(request: Request, reply: Reply, dispatcher: Dispatcher): void {
    const operation = opcodeName(request.opcode).toLowerCase();
    const argumentText = describeArguments(request);
    const startedMs = this.#clock.monotonicMs();
    dispatcher.dispatch(request, reply);
    const durationUs = Math.round((this.#clock.monotonicMs() - startedMs) * 1000);
    this.#records.push({
      timeMs: this.#clock.nowMs(),
      operation,
      uid: request.uid,
      pid: request.pid,
      arguments: argumentText,
      result: describeResult(reply),
      durationUs,
    });
    if (this.#records.length >= BATCH_COUNT) this.flush();
  }

  /** Between requests. */
  flush(): void {
    if (this.#records.length === 0) return;
    this.#post(this.#records);
    this.#records = [];
  }
}

function describeResult(reply: Reply): string {
  if (reply.state === ReplyState.DEFERRED) return "later";
  if (reply.state === ReplyState.NONE) return "ok";
  const errno = reply.view.getInt32(4, true);
  return errno === 0 ? "ok" : (ERRNO_NAMES.get(errno) ?? `errno ${-errno}`);
}

/** Before the request is served: its bytes are the journal's afterwards. */
function describeArguments(request: Request): string {
  const ino = `ino=${request.nodeid}`;
  const { opcode, view } = request;
  switch (opcode) {
    case Opcode.LOOKUP:
    case Opcode.UNLINK:
    case Opcode.RMDIR:
    case Opcode.REMOVEXATTR:
      return `${ino} ${nameAt(request, AT)}`;
    case Opcode.MKDIR:
    case Opcode.GETXATTR:
    case Opcode.LINK:
      return `${ino} ${nameAt(request, AT + 8)}`;
    case Opcode.CREATE:
    case Opcode.MKNOD:
      return `${ino} ${nameAt(request, AT + 16)}`;
    case Opcode.SYMLINK:
      return `${ino} ${nameAt(request, AT)}`;
    case Opcode.RENAME2:
      return `${ino} ${nameAt(request, AT + 16)} newparent=${view.getUint32(AT, true)}`;
    case Opcode.READ:
    case Opcode.WRITE:
    case Opcode.READDIR:
    case Opcode.READDIRPLUS:
      return `${ino} offset=${view.getBigUint64(AT + 8, true)} size=${view.getUint32(AT + 16, true)}`;
    default:
      return ino;
  }
}

function nameAt(request: Request, at: number): string {
  return JSON.stringify(Buffer.from(request.name(at), "latin1").toString("utf8"));
}
