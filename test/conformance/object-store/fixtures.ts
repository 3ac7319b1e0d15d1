/** What the parts of the object store's suite share: the store under test, bodies, and lists read to their end. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Prng } from "../../../src/core/prng.ts";
import type { CreateOutcome, ListPage, ObjectStore } from "../../../src/object/object-store.ts";

/** Gives the store of the test that runs. */
export type Subject = () => ObjectStore;

export interface StoreUnderTest {
  readonly store: ObjectStore;
  /** Closes the store and removes what it kept. */
  readonly dispose: () => Promise<void>;
}

export const LARGE_SIZE: number = 20 * 1024 * 1024;
const RACER_COUNT = 16;

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export function untext(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export function noise(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const prng = new Prng(seed);
  for (let i = 0; i < size; i++) bytes[i] = prng.u32();
  return bytes;
}

export function racers(): readonly Uint8Array[] {
  return Array.from({ length: RACER_COUNT }, (_, index) => text(`racer ${index}`));
}

export function tagOf(outcome: CreateOutcome): string {
  assert.equal(outcome.created, true);
  return outcome.tag;
}

export function keysOf(page: ListPage): readonly string[] {
  assert.equal(page.truncated, false);
  return page.objects.map((object) => object.key);
}

export async function allKeys(
  store: ObjectStore,
  query: { readonly prefix: string; readonly startAfter?: string; readonly limit: number },
): Promise<readonly string[]> {
  const keys: string[] = [];
  let from = query.startAfter === undefined ? {} : { startAfter: query.startAfter };
  for (;;) {
    const page = await store.list({ prefix: query.prefix, limit: query.limit, ...from });
    assert.equal(page.objects.length <= query.limit, true);
    for (const { key } of page.objects) keys.push(key);
    if (!page.truncated) return keys;
    assert.notEqual(page.objects.length, 0);
    from = { startAfter: keys.at(-1)! };
  }
}

export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The keys of which none is a folder of another, the earlier ones preferred. */
export function withoutNesting(keys: readonly string[]): string[] {
  const kept: string[] = [];
  for (const key of keys) {
    const clashes = kept.some((k) => k.startsWith(`${key}/`) || key.startsWith(`${k}/`));
    if (!clashes) kept.push(key);
  }
  return kept;
}

export async function withFile(
  body: Uint8Array,
  use: (path: string, body: Uint8Array) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "object-store-"));
  try {
    const path = join(directory, "source");
    await writeFile(path, body);
    await use(path, body);
  } finally {
    await rm(directory, { recursive: true });
  }
}
