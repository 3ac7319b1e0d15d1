/** A process of its own that tries one fcntl(2) lock, prints "ok" or the code of the error, and ends. Argument: JSON of path and range. */
import { openSync } from "node:fs";
import { FsError } from "../../src/core/fs-error.ts";
import { encodeFlock, F_SETLK } from "../conformance/posix/linux-memory.ts";
import type { LockRange } from "../conformance/posix/posix-memory.ts";
import { libc } from "./posix-libc.ts";

interface LockRequest {
  readonly path: string;
  readonly range: LockRange;
}

const { path, range } = JSON.parse(process.argv[2] ?? "") as LockRequest;
const fd = openSync(path, "r+");
try {
  libc.fcntl(fd, F_SETLK, encodeFlock(range));
  process.stdout.write("ok\n");
} catch (error) {
  if (!(error instanceof FsError)) throw error;
  process.stdout.write(`${error.code}\n`);
}
