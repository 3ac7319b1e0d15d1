/**
 * The package as it is published: built, packed, looked at by publint and attw, installed elsewhere without install
 * scripts, and started.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";

const ROOT = join(import.meta.dirname, "..", "..");
const BIN = join(ROOT, "node_modules", ".bin");
const NO_NETWORK = /\b(?:ENOTFOUND|EAI_AGAIN|ENETUNREACH|ECONNREFUSED|ETIMEDOUT)\b/u;
const env = { ...process.env, PATH: `${BIN}${delimiter}${process.env["PATH"] ?? ""}` };

describe("the package", () => {
  let directory: string;
  let tarball: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "shoal-package-"));
    execFileSync("npm", ["pack", "--loglevel=error", `--pack-destination=${directory}`], {
      cwd: ROOT,
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
    tarball = join(
      directory,
      readdirSync(directory).find((name) => name.endsWith(".tgz"))!,
    );
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it("holds the built program and no tests, sources or tools", () => {
    const names = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).split("\n");
    assert.ok(names.includes("package/dist/cli/main.js"));
    assert.ok(names.includes("package/bin/shoal.cjs"));
    assert.ok(names.includes("package/dist/bundle/engine-thread.js"));
    assert.ok(names.includes("package/LICENSE"));
    const foreign = names.filter(
      (name) =>
        /\.test\.|\/testing\//u.test(name) ||
        /^package\/(?:src|test|scripts|bench)\//u.test(name) ||
        (name.endsWith(".ts") && !name.endsWith(".d.ts")),
    );
    assert.deepEqual(foreign, []);
  });

  it("is clean for publint and for attw", () => {
    const publint = spawnSync("publint", ["run", tarball, "--strict"], { env, encoding: "utf8" });
    assert.equal(publint.status, 0, publint.stdout + publint.stderr);
    const attw = spawnSync("attw", [tarball, "--profile", "esm-only", "--no-emoji"], {
      env,
      encoding: "utf8",
    });
    assert.equal(attw.status, 0, attw.stdout + attw.stderr);
  });

  it("gives a working `shoal` where it is installed without install scripts", (test) => {
    const home = join(directory, "home");
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    execFileSync("mkdir", [home]);
    writeFileSync(join(home, "package.json"), '{"private":true}\n');
    const installed = spawnSync("npm", [...args, tarball], { cwd: home, env, encoding: "utf8" });
    if (installed.status !== 0 && NO_NETWORK.test(installed.stderr)) {
      test.skip(`the npm registry cannot be reached: ${installed.stderr.trim().split("\n")[0]}`);
      return;
    }
    assert.equal(installed.status, 0, installed.stderr);
    const shoal = join(home, "node_modules", ".bin", "shoal");
    const said = execFileSync(shoal, ["version"], { env, encoding: "utf8" });
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      readonly version: string;
    };
    assert.ok(said.startsWith(`shoal ${version} (Node.js v`), said);
    mountThere(shoal, join(directory, "mounted"));
    const wrong = spawnSync(shoal, ["mount", "--fast", "x"], { env, encoding: "utf8" });
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /unknown option '--fast'/u);
  });
});

/** Mounts, writes, kills nothing, unmounts: all that the private copy holds is loaded. */
function mountThere(shoal: string, base: string): void {
  if (process.geteuid?.() !== 0 || !existsSync("/dev/fuse")) return;
  const mountPoint = join(base, "mnt");
  mkdirSync(mountPoint, { recursive: true });
  const run = (...args: string[]): string => execFileSync(shoal, args, { env, encoding: "utf8" });
  run("create", join(base, "volume"));
  run("mount", "--state-dir", join(base, "state"), join(base, "volume"), mountPoint);
  try {
    writeFileSync(join(mountPoint, "a"), "x".repeat(100_000));
    run("sync", mountPoint);
    assert.equal(readFileSync(join(mountPoint, "a"), "utf8").length, 100_000);
  } finally {
    run("umount", mountPoint);
  }
  run("fsck", join(base, "volume"));
}

describe("the command of the package", () => {
  it("on too old a Node.js says which it needs, and loads nothing else", () => {
    const lie = `Object.defineProperty(process, "versions", { value: { node: "20.1.0" } });`;
    const script = `${lie} require(${JSON.stringify(join(ROOT, "bin", "shoal.cjs"))})`;
    const { status, stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /^shoal: Node\.js 24 or newer is needed; this is 20\.1\.0$/mu);
  });

  it("is written in the syntax of 2009", () => {
    const text = readFileSync(join(ROOT, "bin", "shoal.cjs"), "utf8");
    const code = text.replaceAll(/\/\*[^]*?\*\//gu, "");
    assert.doesNotMatch(code, /\b(?:const|let|class|async|await|import)\b|=>|`|\?\.|\?\?|,\s*\)/u);
  });
});
