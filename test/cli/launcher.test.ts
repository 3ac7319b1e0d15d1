/**
 * The first command in a fresh clone. The clone is a copy of the launcher and its scripts, npm a program of ours that
 * notes its calls and "installs" a node which prints its arguments: no test here needs a network.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

const ROOT = join(import.meta.dirname, "..", "..");
const NOBODY = 65_534;
const INSTALLED = "shoal: the dependencies are installed\n";

const FAKE_NPM = `#!/bin/sh
if [ "$1" = --version ]; then echo "\${FAKE_NPM_VERSION:-11.0.0}"; exit 0; fi
if [ "$1" = config ]; then echo https://registry.example/; exit 0; fi
echo "$@" >> "$FAKE_NPM_CALLS"
echo "npm speaks on stdout"
sleep 0.2
[ -z "$FAKE_NPM_FAILS" ] || { echo "npm error network" >&2; exit 7; }
rm -rf node_modules
mkdir -p node_modules/.bin
printf '#!/bin/sh\\necho "node in $PWD:" "$@"\\n' > node_modules/.bin/node
chmod +x node_modules/.bin/node
`;

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe("the launcher", () => {
  let base: string;
  let clone: string;
  let env: NodeJS.ProcessEnv;

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), "shoal launcher-"));
    clone = join(base, "a clone");
    const bin = join(base, "bin");
    for (const path of [clone, bin, join(clone, "scripts")]) mkdirSync(path);
    for (const name of ["shoal", "scripts/run.sh", "scripts/install.sh", "package-lock.json"]) {
      cpSync(join(ROOT, name), join(clone, name));
    }
    writeFileSync(join(bin, "npm"), FAKE_NPM, { mode: 0o755 });
    const path = `${bin}${delimiter}${process.env["PATH"] ?? ""}`;
    env = { ...process.env, PATH: path, FAKE_NPM_CALLS: join(base, "calls") };
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  const launch = (args: readonly string[], more: NodeJS.ProcessEnv = {}): Outcome =>
    spawnSync(join(clone, "shoal"), args, {
      cwd: base,
      env: { ...env, ...more },
      encoding: "utf8",
    });
  const callCount = (): number =>
    existsSync(join(base, "calls"))
      ? readFileSync(join(base, "calls"), "utf8").trim().split("\n").length
      : 0;
  const expectedOut = (args: string): string =>
    `node in ${base}: --disable-warning=ExperimentalWarning ${join(clone, "src/cli/main.ts")} ${args}\n`;

  it("installs what the lock says, on stderr, then runs the program where the caller stands", () => {
    const { status, stdout, stderr } = launch(["mount", "a b"]);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, expectedOut("mount a b"));
    assert.match(stderr, /installing the locked dependencies[^]*npm speaks on stdout/u);
    assert.ok(stderr.endsWith(INSTALLED));
    assert.match(readFileSync(join(base, "calls"), "utf8"), /^ci .*--ignore-scripts/u);
  });

  it("installs once, and again when the lock has changed", () => {
    launch(["version"]);
    assert.deepEqual(launch(["version"]).stderr, "");
    assert.equal(callCount(), 1);
    appendFileSync(join(clone, "package-lock.json"), "\n");
    assert.ok(launch(["version"]).stderr.endsWith(INSTALLED));
    assert.equal(callCount(), 2);
  });

  it("installs again after an installation that did not finish", () => {
    const failed = launch(["version"], { FAKE_NPM_FAILS: "1" });
    assert.equal(failed.status, 1);
    assert.equal(failed.stdout, "");
    assert.match(failed.stderr, /npm ci ended with 7/u);
    assert.match(failed.stderr, /registry\.example/u);
    assert.equal(launch(["version"]).status, 0);
    assert.equal(callCount(), 2);
  });

  it("is found through symbolic links, relative ones too", () => {
    symlinkSync("a clone/shoal", join(base, "first"));
    symlinkSync(join(base, "first"), join(base, "second"));
    const { stdout } = spawnSync(join(base, "second"), ["x"], { cwd: base, env, encoding: "utf8" });
    assert.equal(stdout, expectedOut("x"));
  });

  it("installs once when started twice at the same time", async () => {
    const outcomes = await Promise.all(
      [1, 2].map(
        () =>
          new Promise<number | null>((resolve) => {
            const child = spawn(join(clone, "shoal"), ["version"], {
              cwd: base,
              env,
              stdio: "ignore",
            });
            child.on("close", resolve);
          }),
      ),
    );
    assert.deepEqual(outcomes, [0, 0]);
    assert.equal(callCount(), 1);
  });

  it("says what is missing when there is no npm, or too old a one", () => {
    const bin = join(base, "few");
    mkdirSync(bin);
    for (const name of ["sh", "uname", "cmp", "dirname", "readlink", "flock", "mkdir", "id"]) {
      const found = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" });
      symlinkSync(found.stdout.trim(), join(bin, name));
    }
    const without = launch(["version"], { PATH: bin });
    assert.equal(without.status, 1);
    assert.match(without.stderr, /^shoal: npm was not found\n.*apt-get install npm\n$/u);
    const old = launch(["version"], { FAKE_NPM_VERSION: "6.14.4" });
    assert.equal(old.status, 1);
    assert.match(old.stderr, /npm 6\.14\.4 is too old/u);
  });

  it("says that it may not write to the clone, in one line and a hint", () => {
    const isRoot = process.getuid!() === 0;
    chmodSync(base, 0o755);
    chmodSync(clone, 0o555);
    const { status, stderr } = spawnSync(join(clone, "shoal"), ["version"], {
      cwd: base,
      env,
      encoding: "utf8",
      ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
    });
    chmodSync(clone, 0o755);
    assert.equal(status, 1);
    assert.match(stderr, /^shoal: cannot write to [^\n]*a clone\n[^\n]*owner[^\n]*\n$/u);
  });

  it("gives what root installed to the owner of the clone", (test) => {
    if (process.getuid!() !== 0) {
      test.skip("only root can install for somebody else");
      return;
    }
    chownSync(clone, NOBODY, NOBODY);
    assert.equal(launch(["version"]).status, 0);
    for (const name of ["node_modules/.bin/node", "node_modules/.installed-lock", ".cache"]) {
      assert.equal(lstatSync(join(clone, name)).uid, NOBODY, name);
    }
  });
});
