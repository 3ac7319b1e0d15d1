/**
 * Random commands on ext4 and on the model: shows that the model does what Linux does.
 *
 * SHOAL_MODEL_SEED and SHOAL_MODEL_COMMANDS choose another seed and another length.
 */
import assert from "node:assert/strict";
import { readFileSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, it } from "node:test";
import { TemporaryLinuxDirectory } from "../conformance/posix/linux-directory.ts";
import { O_CREAT, O_NOFOLLOW, O_RDWR, S_IFSOCK } from "../support/posix-constants.ts";
import type { Command } from "./model-commands.ts";
import { replay, runAgainstModel, type ModelRun } from "./run-against-model.ts";

/** Source: linux/magic.h EXT4_SUPER_MAGIC. */
const EXT4_MAGIC = 0xef53;
const SEEDS = seedsFrom(process.env["SHOAL_MODEL_SEED"]);
const COMMAND_COUNT = Number(process.env["SHOAL_MODEL_COMMANDS"] ?? 4000);
/** The generator is worth nothing if it stops meeting these. */
const EXPECTED_OUTCOMES = [
  "rename ok",
  "rename ENOTEMPTY",
  "rename EINVAL",
  "rename EEXIST",
  "rename EACCES",
  "mkdir EEXIST",
  "unlink EISDIR",
  "open ELOOP",
  "copy EINVAL",
  "allocate ok",
  "allocate EINVAL",
  "linkAs ok",
  "linkAs ENOENT",
  "setXattr EPERM",
  "chown EPERM",
  "utimens EPERM",
  "truncate ok",
  "getXattr ok",
  "list ok",
];

const COMMAND_COUNT_TO_MEET_ALL = 20_000;
/** Each must be noticed: a comparison that cannot fail shows nothing. */
const LIES: Readonly<Record<string, Partial<ModelRun["model"]>>> = {
  "the number of links": { linkCountMax: 1 },
  "the unit of allocation": { allocationUnit: 8192 },
  "the largest file": { fileSizeMax: 100_000 },
};

const skip = reasonToSkip();

describe("the model against ext4", skip === undefined ? {} : { skip }, () => {
  const met = new Set<string>();
  for (const seed of SEEDS) {
    it(`agrees on ${COMMAND_COUNT} random commands, seed ${seed}`, () => {
      for (const outcome of runAgainstModel(runOf(seed)).outcomes.keys()) met.add(outcome);
    });
  }

  const isShort = SEEDS.length * COMMAND_COUNT < COMMAND_COUNT_TO_MEET_ALL;
  it("has met every kind of outcome", isShort ? { skip: "too few commands" } : {}, () => {
    for (const outcome of EXPECTED_OUTCOMES) assert.ok(met.has(outcome), outcome);
  });

  for (const [rule, lie] of Object.entries(LIES)) {
    it(`is told apart from a filesystem with another rule for ${rule}`, () => {
      const run = { ...runOf(1), commandCount: 2000 };
      const liar = { ...run, model: { ...run.model, ...lie } };
      assert.throws(
        () => runAgainstModel(liar),
        /SEED=1 differs after [0-9]+ commands[^]*shortest replay \([1-7] commands\)/,
      );
    });
  }

  it("refuses O_CREAT of what another left in a sticky directory before it looks what it is", () => {
    const flags = O_RDWR | O_CREAT | O_NOFOLLOW;
    const mode = 0o644;
    const difference = replay(runOf(0), [
      { op: "mkdir", who: 0, path: "d", mode: 0o777 },
      { op: "chmod", who: 0, path: "d", mode: 0o1777 },
      { op: "symlink", who: 1, target: "a", path: "d/link" },
      { op: "mknod", who: 1, path: "d/socket", mode: S_IFSOCK | 0o777 },
      ...[0, 1, 2].flatMap((who): Command[] => [
        { op: "open", who, path: "d/link", slot: 0, flags, mode },
        { op: "open", who, path: "d/socket", slot: 0, flags, mode },
      ]),
    ]);
    assert.equal(difference, undefined);
  });

  it("replays a written list of commands", () => {
    const difference = replay(runOf(0), [
      { op: "mkdir", who: 1, path: "a", mode: 0o777 },
      { op: "rename", who: 1, path: "a", to: "a/b", flags: 0 },
    ]);
    assert.equal(difference, undefined);
  });
});

function runOf(seed: number): ModelRun {
  return {
    seed,
    commandCount: COMMAND_COUNT,
    compareEvery: 50,
    subject: () => new TemporaryLinuxDirectory(tmpdir()),
    model: {
      fileSizeMax: (2 ** 32 - 1) * 4096,
      linkCountMax: 65_000,
      allocationUnit: 4096,
      protectedHardlinks: isOn("protected_hardlinks"),
    },
    commands: {
      sticky: !["protected_regular", "protected_fifos", "protected_symlinks"].some(isOn),
      whiteout: true,
    },
    compareAtime: true,
  };
}

function isOn(name: string): boolean {
  return readFileSync(`/proc/sys/fs/${name}`, "latin1").trim() !== "0";
}

function seedsFrom(text: string | undefined): number[] {
  return text === undefined ? [1, 2, 3, 4, 5] : text.split(",").map(Number);
}

function reasonToSkip(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root, to act for several users";
  return statfsSync(tmpdir()).type === EXT4_MAGIC ? undefined : `${tmpdir()} is not on ext4`;
}
