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
import { replay, runAgainstModel, type ModelRun } from "./run-against-model.ts";

/** Source: linux/magic.h EXT4_SUPER_MAGIC. */
const EXT4_MAGIC = 0xef53;
const SEEDS = seedsFrom(process.env["SHOAL_MODEL_SEED"]);
const COMMAND_COUNT = Number(process.env["SHOAL_MODEL_COMMANDS"] ?? 4000);
/** Outcomes that any long enough run meets: the generator is worth nothing if it stops meeting them. */
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
];

const skip = reasonToSkip();

describe("the model against ext4", skip === undefined ? {} : { skip }, () => {
  for (const seed of SEEDS) {
    it(`agrees on ${COMMAND_COUNT} random commands, seed ${seed}`, () => {
      const { outcomes } = runAgainstModel(runOf(seed));
      if (COMMAND_COUNT < 4000) return;
      for (const outcome of EXPECTED_OUTCOMES) assert.ok(outcomes.has(outcome), outcome);
    });
  }

  it("is told apart from a filesystem that forgets one rule", () => {
    const run = runOf(1);
    const liar = { ...run, model: { ...run.model, linkCountMax: 2 } };
    assert.throws(
      () => runAgainstModel(liar),
      /SEED=1 differs[\s\S]*shortest replay \([34] commands\)/,
    );
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
