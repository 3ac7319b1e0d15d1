/** What the `shoal ltx` commands do with files of a local disk; the format itself is loaded when one of them runs. */
import { FsError } from "../core/fs-error.ts";
import { errorMessage, hasCode } from "../core/system-error.ts";
import type { LtxHeader, LtxTrailer } from "../ltx/header.ts";
import type { LocalLtxFile } from "../ltx/local-replica.ts";
import type { ReplicaFile, RestoreTarget } from "../ltx/restore/restore-plan.ts";

export interface LtxRow {
  readonly path: string;
  readonly level: number;
  /** As stored: "v1", "v2" or "v3". */
  readonly generation: string;
  readonly header: LtxHeader;
  readonly size: number;
}

export interface LtxList {
  readonly rows: readonly LtxRow[];
  /** Of files that cannot be listed; each begins with the path. */
  readonly problems: readonly string[];
}

export interface LtxDump {
  readonly path: string;
  readonly generation: string;
  readonly header: LtxHeader;
  readonly pages: readonly { readonly pgno: number; readonly checksum: string }[];
  readonly trailer: LtxTrailer;
}

export interface LtxVerifyReport {
  readonly fileCount: number;
  readonly size: number;
  readonly problems: readonly string[];
}

export interface LtxApplyRequest {
  readonly paths: readonly string[];
  readonly output: string;
  readonly target: RestoreTarget;
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
}

export interface LtxApplyReport {
  readonly path: string;
  readonly txid: string;
  readonly size: number;
  readonly fileCount: number;
  /** Files that were given and not needed. */
  readonly unusedCount: number;
}

export async function listLtx(paths: readonly string[]): Promise<LtxList> {
  const { files, problems } = await readFiles(paths);
  const rows = files.map(({ source, ends, level }) => {
    const { generation, header } = ends;
    return { path: source.name, level, generation, header, size: source.size };
  });
  return { rows, problems };
}

export async function dumpLtx(path: string): Promise<LtxDump> {
  const { formatChecksum, localLtxSource, LtxDecoder, PageChecksum, readWhole } =
    await import("../ltx/index.ts");
  const source = await localLtxSource(path);
  const decoder = new LtxDecoder({ name: path });
  const checksum = new PageChecksum();
  const pages: { pgno: number; checksum: string }[] = [];
  for await (const chunk of readWhole(source)) {
    decoder.feed(chunk);
    for (let page = decoder.next(); page !== undefined; page = decoder.next()) {
      const { pgno, data } = page;
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      const sum = checksum.of(pgno, view, { at: 0, size: data.length });
      pages.push({ pgno, checksum: formatChecksum(sum) });
    }
  }
  const trailer = decoder.finish();
  return { path, generation: decoder.generation!, header: decoder.header!, pages, trailer };
}

/** Every file is looked at, whatever is wrong with those before it. */
export async function verifyLtx(
  paths: readonly string[],
  signal: AbortSignal,
): Promise<LtxVerifyReport> {
  const { planRestore, verifyLtxFile } = await import("../ltx/index.ts");
  const { findLtxPaths } = await import("../ltx/local-replica.ts");
  const problems: string[] = [];
  let fileCount = 0;
  let size = 0;
  for (const path of paths) {
    const inside = await findLtxPaths([path]);
    const isDirectory = inside.length !== 1 || inside[0] !== path;
    const read = await readFiles(inside);
    problems.push(...read.problems);
    for (const { source } of read.files) {
      signal.throwIfAborted();
      size += source.size;
      await collect(problems, () => verifyLtxFile(source, { signal }));
    }
    fileCount += inside.length;
    if (!isDirectory || read.files.length === 0) continue;
    const planProblems: string[] = [];
    await collect(planProblems, () => planRestore(read.files, { kind: "latest" }));
    problems.push(...planProblems.map((problem) => `${path}: ${problem}`));
  }
  return { fileCount, size, problems };
}

export async function applyLtx(request: LtxApplyRequest): Promise<LtxApplyReport> {
  const { formatTxid, restoreChain } = await import("../ltx/index.ts");
  const { files, broken } = await readFiles(request.paths);
  const plan = await planAround(files, broken, request.target);
  const { output: path, overwrite, signal } = request;
  const sources = plan.map(({ source }) => source);
  const { header, size, fileCount } = await restoreChain(sources, {
    path,
    overwrite,
    signal,
  }).catch((error: unknown) => {
    if (!hasCode(error, "EEXIST") || overwrite) throw error;
    throw new FsError("EEXIST", `${errorMessage(error)}\n--force replaces a database`, {
      cause: error,
    });
  });
  const unusedCount = files.length - fileCount;
  const txid = formatTxid(header.maxTxid);
  return { path, txid, size, fileCount, unusedCount };
}

/**
 * A file that cannot be read is no reason to restore nothing, and none to restore less than there was: it takes part in
 * the plan by its name, and where the plan needs it, only one that gets as far without it will do.
 */
async function planAround(
  files: readonly LocalLtxFile[],
  broken: readonly BrokenFile[],
  target: RestoreTarget,
): Promise<LocalLtxFile[]> {
  const { planRestore } = await import("../ltx/index.ts");
  const { namedLtx } = await import("../ltx/local-replica.ts");
  const unread = broken.map((file) => ({ ...file, range: namedLtx(file.path) }));
  // Without a name, or when times matter, nothing is known of what it would have been for.
  const unknown = unread.find(({ range }) => range === undefined || target.kind === "before");
  if (unknown !== undefined) throw new FsError("EIO", unknown.problem);
  const named = unread.map(({ range, problem }) => ({ ...range!, timestampMs: 0, problem }));
  const plan = planRestore<Planned>([...files, ...named], target);
  const needed = plan.find((file) => "problem" in file);
  if (needed === undefined) return plan.filter((file) => "source" in file);
  try {
    return planRestore(files, { kind: "txid", txid: plan.at(-1)!.maxTxid });
  } catch (cause) {
    throw new FsError("EIO", needed.problem, { cause });
  }
}

type Planned = LocalLtxFile | (ReplicaFile & { readonly problem: string });

interface BrokenFile {
  readonly path: string;
  readonly problem: string;
}

interface ReadFiles {
  readonly files: readonly LocalLtxFile[];
  readonly broken: readonly BrokenFile[];
  readonly problems: readonly string[];
}

async function readFiles(paths: readonly string[]): Promise<ReadFiles> {
  const { findLtxPaths, readLocalLtx } = await import("../ltx/local-replica.ts");
  const files: LocalLtxFile[] = [];
  const broken: BrokenFile[] = [];
  for (const path of await findLtxPaths(paths)) {
    const problems: string[] = [];
    await collect(problems, async () => files.push(await readLocalLtx(path)));
    broken.push(...problems.map((problem) => ({ path, problem })));
  }
  return { files, broken, problems: broken.map(({ problem }) => problem) };
}

/** Refusals become problems; anything else is thrown on. */
async function collect(problems: string[], act: () => unknown): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    problems.push(error.message);
  }
}
