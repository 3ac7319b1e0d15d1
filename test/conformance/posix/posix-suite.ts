/**
 * How the POSIX suites are written and run: a suite is a table of sentences and functions, each run in a fresh, empty tree.
 *
 * A driver declares what it can do. What it can't is named by a reason, and the test that needs it is skipped with that reason.
 */
import { describe, it } from "node:test";
import type { PosixDirectory } from "./posix-directory.ts";

/** `true`, or why not. */
export type Ability = true | string;

export interface PosixCapabilities {
  /** A kernel stands in front: mappings, locks, a page cache. */
  readonly mount: Ability;
  /** Paths are walked as Linux does: 40 links at most, PATH_MAX, what a trailing slash means. */
  readonly paths: Ability;
  /** Other callers than root. */
  readonly callers: Ability;
  readonly acl: Ability;
  readonly handles: Ability;
  /** FS_IOC_SETFLAGS and FSSETXATTR. */
  readonly fileFlags: Ability;
  /** Opening an immutable file for writing is refused; otherwise the write is (a declared departure). */
  readonly immutableRefusesOpen: Ability;
  readonly birthtime: Ability;
  /** Every read of data, entries and links is seen, and atime follows the rules of relatime. */
  readonly relatime: Ability;
  readonly temporaryFiles: Ability;
  /** FALLOC_FL_COLLAPSE_RANGE and INSERT_RANGE. */
  readonly shiftRanges: Ability;
  /** SEEK_HOLE finds holes, and st_blocks does not count them. */
  readonly holes: Ability;
  readonly copyRange: Ability;
  readonly whiteout: Ability;
  /** A cookie stays good while entries come and go. */
  readonly stableCookies: Ability;
  /** Tests of tens of thousands of operations may run. */
  readonly longRun: Ability;
}

export type Capability = keyof PosixCapabilities;

export interface PosixLimits {
  /** In bytes. */
  readonly fileSizeMax: number;
  readonly linkCountMax: number;
  /** The largest value of one extended attribute of a file that has no other. */
  readonly xattrValueSizeMax: number;
  /** COLLAPSE_RANGE and INSERT_RANGE take only multiples of it. */
  readonly allocationUnit: number;
}

/** A fresh tree: its root directory is empty, owned by root, mode 0755. Dispose removes it. */
export interface PosixTree extends Disposable {
  readonly directory: PosixDirectory;
}

export interface PosixFactory {
  readonly name: string;
  readonly capabilities: PosixCapabilities;
  readonly limits: PosixLimits;
  make(): PosixTree;
}

/** What a test is given. The three users exist in every tree; none may write to its root. */
export interface PosixWorld {
  readonly root: PosixDirectory;
  /** Uid 1001, gid 2001. */
  readonly alice: PosixDirectory;
  /** Uid 1002, gid 2002, a member of 2001 too. */
  readonly bob: PosixDirectory;
  /** Uid 1003, gid 2003. */
  readonly carol: PosixDirectory;
  readonly capabilities: PosixCapabilities;
  readonly limits: PosixLimits;
}

export const ALICE = { uid: 1001, gid: 2001, groups: [] } as const;
export const BOB = { uid: 1002, gid: 2002, groups: [2001] } as const;
export const CAROL = { uid: 1003, gid: 2003, groups: [] } as const;

export type PosixTest = (world: PosixWorld) => void;

export interface ConditionalTest {
  readonly needs: readonly Capability[];
  readonly run: PosixTest;
}

/** Sentences of behaviour, and what shows them. */
export type PosixTests = Readonly<Record<string, PosixTest | ConditionalTest>>;

/** Registers its tests with node:test for one driver. */
export type PosixSuite = (factory: PosixFactory) => void;

export function needing(
  needs: Capability | readonly Capability[],
  run: PosixTest,
): ConditionalTest {
  return { needs: typeof needs === "string" ? [needs] : needs, run };
}

/** `common`: what every test of the suite needs. */
export function posixSuite(
  noun: string,
  tests: PosixTests,
  common: readonly Capability[] = [],
): PosixSuite {
  return (factory) => {
    describe(`${factory.name}: ${noun}`, () => {
      for (const [sentence, test] of Object.entries(tests)) {
        const { needs, run } = typeof test === "function" ? { needs: [], run: test } : test;
        const skip = reasonToSkip(factory, [...common, ...needs]);
        it(sentence, skip === undefined ? {} : { skip }, () => {
          using tree = factory.make();
          run(worldOf(factory, tree.directory));
        });
      }
    });
  };
}

function reasonToSkip(factory: PosixFactory, needs: readonly Capability[]): string | undefined {
  for (const need of needs) {
    const ability = factory.capabilities[need];
    if (ability !== true) return `${need}: ${ability}`;
  }
  return undefined;
}

function worldOf(factory: PosixFactory, root: PosixDirectory): PosixWorld {
  return {
    root,
    alice: root.as(ALICE),
    bob: root.as(BOB),
    carol: root.as(CAROL),
    capabilities: factory.capabilities,
    limits: factory.limits,
  };
}
