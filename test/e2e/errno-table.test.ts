/**
 * Every call on every kind of object by every caller, on ext4 and on a mount: one table, and each difference has a reason.
 *
 * SHOAL_ERRNO_SHARE=n takes each n-th cell only (7 when left out; 1 is all, some 20,000).
 */
import assert from "node:assert/strict";
import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, describe, it } from "node:test";
import { TemporaryLinuxDirectory } from "../conformance/posix/linux-directory.ts";
import { type ErrnoTable, errnoTable } from "../support/errno-table.ts";
import { MountFixture, reasonNotToMount } from "../support/mount-fixture.ts";

/** Source: linux/magic.h EXT4_SUPER_MAGIC. */
const EXT4_MAGIC = 0xef53;
const SHARE = Number(process.env["SHOAL_ERRNO_SHARE"] ?? 7);

interface Departure {
  readonly cells: RegExp;
  /** What the mount answers. */
  readonly answers: RegExp;
  readonly reason: string;
}

/** All that may differ: docs/semantics.md lists them for users. */
const DEPARTURES: readonly Departure[] = [
  {
    cells: /: (open to (write|append|create.*)|access to write): an (immutable|append-only) file$/u,
    answers: /^(ok|EACCES)$/u,
    reason: "the kernel's FUSE client never learns of these flags, so it lets the file be opened",
  },
  {
    cells: /: .*(immutable|append-only) (file|directory)/u,
    answers: /^(ENOTDIR|EISDIR|EACCES|EINVAL|EOPNOTSUPP)$/u,
    reason: "nor does it when it finds another fault itself, which it then says first",
  },
  {
    cells: /: allocate: an append-only file$/u,
    answers: /^ok$/u,
    reason: "ext4 refuses to open it for writing; what is open may be allocated there too",
  },
  {
    cells: /: seek (data|past the end): /u,
    answers: /^ENXIO$/u,
    reason: "a directory has size 0 here, and the kernel compares with that",
  },
  {
    cells: /^other: set (flags|the immutable flag): a (pipe|socket)/u,
    answers: /^EPERM$/u,
    reason: "the kernel's FUSE client asks whose it is before what it is",
  },
];

const reason =
  reasonNotToMount() ??
  (statfsSync(tmpdir()).type === EXT4_MAGIC ? undefined : `${tmpdir()} is not on ext4`);

describe("the table of errors", reason === undefined ? {} : { skip: reason }, () => {
  let fixture: MountFixture;
  let ext4: ErrnoTable;
  let ours: ErrnoTable;

  before(async () => {
    fixture = await MountFixture.mounted({
      name: "errno",
      mount: ["--allow-other", "-o", "dev,suid"],
    });
    ext4 = tableBelow(tmpdir());
    ours = tableBelow(fixture.mountPoint);
  });
  after(() => fixture?.remove());

  it("is that of ext4, but for what is said to differ", () => {
    const differing = [...ext4].filter(([cell, code]) => ours.get(cell) !== code);
    const unexplained = differing.filter(
      ([cell]) => departureOf(cell, ours.get(cell)!) === undefined,
    );
    assert.deepEqual(
      unexplained.map(([cell, code]) => `${cell}: ${ours.get(cell)}, on ext4 ${code}`),
      [],
    );
  });

  it("differs wherever it is said to", { skip: SHARE > 1 && "a share of the cells only" }, () => {
    for (const { cells, answers, reason: why } of DEPARTURES) {
      const isMet = [...ours].some(
        ([cell, code]) => cells.test(cell) && answers.test(code) && ext4.get(cell) !== code,
      );
      assert.ok(isMet, `nothing differs because ${why}: ${cells}`);
    }
  });

  it("holds refusals of every sort", () => {
    assert.equal(ours.size, ext4.size);
    const codes = new Set(ext4.values());
    for (const code of [
      "ok",
      "ENOENT",
      "EACCES",
      "EPERM",
      "ELOOP",
      "ENOTDIR",
      "EISDIR",
      "EINVAL",
    ]) {
      assert.ok(codes.has(code), code);
    }
  });
});

function departureOf(cell: string, answer: string): Departure | undefined {
  return DEPARTURES.find(({ cells, answers }) => cells.test(cell) && answers.test(answer));
}

function tableBelow(parent: string): ErrnoTable {
  return errnoTable({ make: () => new TemporaryLinuxDirectory(parent) }, SHARE);
}
