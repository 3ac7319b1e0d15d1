/**
 * One of several processes that use one directory store; the tests of the file store start it and may kill it.
 *
 *   node object-store-child.ts <role> <root> <name>
 *
 * create  waits for `go`, creates `race/0` … `race/19` with its name as body, prints how many it won.
 * count   increments `counter` 25 times by swap.
 * churn   creates and deletes keys in one directory, 40 times.
 * pour    prints "ready", then creates large objects and swaps `head` until it is killed; see `poured`.
 * once    creates `a/b/k`, swaps it, and deletes it: to be watched.
 * hold    takes the lock, prints "held" and keeps it until it is killed.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SystemClock } from "../../src/core/clock.ts";
import { Prng } from "../../src/core/prng.ts";
import { StoreDirectories } from "../../src/object/file/store-directories.ts";
import { LOCK_FILE, StoreLock } from "../../src/object/file/store-lock.ts";
import { TemporaryFiles } from "../../src/object/file/temporary-files.ts";
import { FileObjectStore } from "../../src/object/file-object-store.ts";

/** The body `pour` gives an object: `value` in each of its bytes, so that a part or a mixture shows. */
export function poured(value: number, size: number): Uint8Array {
  return new Uint8Array(size).fill(value);
}

export const POURED_SIZE: number = 2 * 1024 * 1024;
export const HEAD_SIZE = 4000;
export const RACE_KEY_COUNT = 20;
export const INCREMENT_COUNT = 25;

const clock = new SystemClock();

async function create(store: FileObjectStore, name: string): Promise<void> {
  while (!existsSync(join(store.capabilities.localRoot, "go"))) await clock.sleep(1);
  let won = 0;
  for (let i = 0; i < RACE_KEY_COUNT; i++) {
    const outcome = await store.create(`race/${i}`, new TextEncoder().encode(name));
    if (outcome.created) won++;
  }
  console.log(won);
}

async function count(store: FileObjectStore): Promise<void> {
  for (let done = 0; done < INCREMENT_COUNT;) {
    const found = await store.get("counter");
    const next = Number(new TextDecoder().decode(found!.body)) + 1;
    const outcome = await store.swap("counter", found!.tag, new TextEncoder().encode(`${next}`));
    if (outcome.swapped) done++;
  }
}

async function churn(store: FileObjectStore, name: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    const outcome = await store.create(`churn/a/b/${name}`, new Uint8Array(1));
    if (!outcome.created) throw new Error("a key of this process alone exists");
    await store.delete(`churn/a/b/${name}`);
  }
}

async function pour(store: FileObjectStore, name: string): Promise<void> {
  console.log("ready");
  for (let i = 0; ; i = (i + 1) % 256) {
    await store.create(`packs/${name}/${i}-${clock.monotonicMs()}`, poured(i, POURED_SIZE));
    const head = await store.get("head");
    await store.swap("head", head!.tag, poured(i, HEAD_SIZE));
  }
}

async function once(store: FileObjectStore): Promise<void> {
  const created = await store.create("a/b/k", new Uint8Array(10));
  if (!created.created) throw new Error("the store is not empty");
  await store.swap("a/b/k", created.tag, new Uint8Array(20));
  await store.delete("a/b/k");
}

async function hold(root: string): Promise<void> {
  const directories = await StoreDirectories.open(root);
  const lock = new StoreLock({
    path: join(root, LOCK_FILE),
    temporaries: new TemporaryFiles(directories),
    clock,
    prng: new Prng(1),
  });
  await lock.exclusive(async () => {
    console.log("held");
    await clock.sleep(60_000);
  });
}

if (import.meta.main) {
  const [role, root, name] = process.argv.slice(2) as [string, string, string];
  if (role === "hold") await hold(root);
  else {
    await using store = await FileObjectStore.open({ root, clock });
    if (role === "create") await create(store, name);
    else if (role === "count") await count(store);
    else if (role === "churn") await churn(store, name);
    else if (role === "once") await once(store);
    else if (role === "pour") await pour(store, name);
    else throw new Error(`no role ${role}`);
  }
}
