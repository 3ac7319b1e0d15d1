import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Environment } from "../volume/state-directory.ts";
import { rememberStateDirectory, runningStateDirectories } from "./running-state.ts";

describe("state directories elsewhere", () => {
  let folder: string;
  let environment: Environment;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "shoal-running-"));
    environment = { env: { XDG_STATE_HOME: folder }, uid: 1000 };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function make(name: string): string {
    mkdirSync(join(folder, name));
    return join(folder, name);
  }

  it("are none where nothing was ever mounted", () => {
    assert.deepEqual(runningStateDirectories(environment), []);
  });

  it("are remembered by volume, the last one each", () => {
    const [a, b, c] = [make("a"), make("b"), make("c")];
    rememberStateDirectory(environment, "one", a);
    rememberStateDirectory(environment, "one", b);
    rememberStateDirectory(environment, "two", c);
    assert.deepEqual(runningStateDirectories(environment).toSorted(), [b, c]);
  });

  it("are forgotten when they are gone", () => {
    rememberStateDirectory(environment, "one", make("a"));
    rmSync(join(folder, "a"), { recursive: true });
    assert.deepEqual(runningStateDirectories(environment), []);
    const links = join(folder, "shoal", ".mounts");
    assert.ok(lstatSync(join(links, "one")).isSymbolicLink());
    rememberStateDirectory(environment, "two", make("b"));
    assert.deepEqual(readdirSync(links), ["two"]);
    assert.equal(existsSync(join(links, "two")), true);
  });
});
