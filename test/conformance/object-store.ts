/**
 * What every object store must do, driver or wrapper: the port's contract as tests over a factory.
 *
 * Each test gets a store of its own, empty. Lists are compared with a plain model (fast-check).
 */
import { afterEach, beforeEach, describe } from "node:test";
import type { ObjectStore } from "../../src/object/object-store.ts";
import { abortTests } from "./object-store/abort.ts";
import { createFromFileTests, createTests } from "./object-store/create.ts";
import { deleteTests } from "./object-store/delete.ts";
import type { StoreUnderTest, Subject } from "./object-store/fixtures.ts";
import { keyTests } from "./object-store/keys.ts";
import { listModelTests } from "./object-store/list-model.ts";
import { listTests, pageTests } from "./object-store/list.ts";
import { readTests } from "./object-store/read.ts";
import { swapTests, tagTests } from "./object-store/swap.ts";

export interface ConformanceOptions {
  /** The store can notice that one key would be a folder of another, and refuses it. */
  readonly refusesNestedKeys?: boolean;
}

/** Registers the suite. The factory makes a fresh, empty store for each test. */
export function objectStoreConformance(
  name: string,
  factory: () => Promise<StoreUnderTest>,
  options: ConformanceOptions = {},
): void {
  describe(`${name} keeps the object store contract`, () => {
    let underTest: StoreUnderTest;
    let store: ObjectStore;
    beforeEach(async () => {
      underTest = await factory();
      store = underTest.store;
    });
    afterEach(() => underTest.dispose());
    const get: Subject = () => store;

    describe("create", () => createTests(get));
    describe("createFromFile", () => createFromFileTests(get));
    describe("swap", () => swapTests(get));
    describe("tags", () => tagTests(get));
    describe("read", () => readTests(get));
    describe("list", () => listTests(get));
    describe("pages of a list", () => pageTests(get));
    describe("listing against a model", () => listModelTests(get, factory));
    describe("delete", () => deleteTests(get));
    describe("keys", () => keyTests(get, options));
    describe("abort and close", () => abortTests(get));
  });
}
