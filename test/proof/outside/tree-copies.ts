/**
 * Programs that copy everything a tree has: rsync -aHAX there and back, with nothing left to do the second time; tar with
 * extended attributes and ACLs, out of the mount and into it again; overlayfs with the mount below and above. The tree has
 * hard and symbolic links, a hole, devices, ACLs, extended attributes, a capability, and times with nanoseconds.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reasonNotToMount } from "../../support/mount-fixture.ts";
import type { Proof, ProofResult, ProofRun } from "../proof.ts";
import { demandSound, judge, mountForSuite } from "./outside-suite.ts";

const PROGRAMS = ["rsync", "tar", "setfacl", "setfattr", "setcap", "mount"];

const MAKE_TREE = `
mkdir -p a/b many && echo hi > a/f && ln a/f a/b/hard && ln -s ../f a/b/symbolic
mkfifo a/fifo && mknod a/device c 1 3 && head -c 3000000 /dev/urandom > a/random && truncate -s 10M a/hole
for i in $(seq 1 500); do echo $i > many/$i; done
setfattr -n user.x -v hello a/f && setfattr -n trusted.t -v there a/random
setfacl -m u:1:rwx,g:2:r a/b && setfacl -d -m u:2:rx a/b
cp /bin/true a/program && chmod 4755 a/program && setcap cap_net_raw+ep a/program && chown -h 1:2 a/b/symbolic
touch -d '1999-01-02 03:04:05.123456789' a/b && touch -h -d '2001-01-02 03:04:05.5' a/b/symbolic`;

export const TREE_COPIES: Proof = {
  name: "outside/tree-copies",
  what: "rsync -aHAX twice, tar with xattrs and ACLs, overlayfs below and above",
  reasonToSkip: () =>
    PROGRAMS.map((name) => `there is no ${name}`).find(
      (_, index) => spawnSync("sh", ["-c", `command -v ${PROGRAMS[index]}`]).status !== 0,
    ) ?? reasonNotToMount(),
  run: runTreeCopies,
};

async function runTreeCopies({ scratch, say }: ProofRun): Promise<ProofResult> {
  await using fixture = await mountForSuite("tree-copies", ["--acl"]);
  const mnt = fixture.mountPoint;
  const source = join(scratch, "source");
  mkdirSync(source);
  const sh = (script: string, cwd: string): string => runScript(script, cwd, say);
  sh(MAKE_TREE, source);
  const failures: string[] = [];
  let passed = 0;
  const expect = (what: string, found: string, wanted: string): void => {
    if (found === wanted) passed++;
    else failures.push(`${what}: ${found.split("\n")[0]}`);
  };
  const differences = (from: string, to: string): string =>
    sh(`rsync -aHAXcni --delete '${from}/' '${to}/'`, scratch);

  sh(`rsync -aHAX '${source}/' '${mnt}/copy/'`, scratch);
  expect("rsync, the second time", differences(source, join(mnt, "copy")), "");
  sh(`rsync -aHAX '${mnt}/copy/' '${scratch}/back/'`, scratch);
  expect("rsync, back again", differences(source, join(scratch, "back")), "");

  const keep = "--xattrs --xattrs-include='*' --acls";
  sh(`tar ${keep} -cpf '${scratch}/tree.tar' . && mkdir '${mnt}/unpacked'`, join(mnt, "copy"));
  sh(`tar ${keep} -xpf '${scratch}/tree.tar'`, join(mnt, "unpacked"));
  expect("tar, out and in", differences(source, join(mnt, "unpacked")), "");
  for (const [what, lower, upper] of [
    ["overlayfs above the mount", mnt, scratch],
    ["overlayfs with its changes on the mount", scratch, mnt],
  ] as const) {
    expect(what, useOverlay({ lower, upper, at: join(scratch, "merged") }, sh), "new\nh\nz\nlow\n");
  }
  await demandSound(fixture);
  return judge({ passed, failed: failures.length, failures }, "comparisons");
}

/** Changes what lies below in every way that overlayfs keeps differently; what it shows then, and the file below. */
function useOverlay(
  place: { readonly lower: string; readonly upper: string; readonly at: string },
  sh: (script: string, cwd: string) => string,
): string {
  const { at } = place;
  const [lower, upper, work] = [
    join(place.lower, "overlay-lower"),
    join(place.upper, "overlay-upper"),
    join(place.upper, "overlay-work"),
  ];
  for (const path of [join(lower, "d"), upper, work, at]) mkdirSync(path, { recursive: true });
  writeFileSync(join(lower, "f"), "low\n");
  writeFileSync(join(lower, "d", "old"), "old\n");
  sh(`mount -t overlay none -o lowerdir='${lower}',upperdir='${upper}',workdir='${work}' .`, at);
  try {
    const script = "echo new > f && mv f g && ln g h && rm -r d && mkdir d && : > d/z && rm g";
    sh(script, at);
    return (
      sh("cat h && ls && ls d", at).replace("d\n", "") + readFileSync(join(lower, "f"), "utf8")
    );
  } finally {
    sh(`umount '${at}'`, "/");
  }
}

function runScript(script: string, cwd: string, say: (line: string) => void): string {
  const { status, stdout, stderr } = spawnSync("sh", ["-e", "-c", script], {
    cwd,
    encoding: "utf8",
  });
  say(`$ ${script}\n${stdout}${stderr}`);
  if (status !== 0) throw new Error(`exit code ${status} of ${script}: ${stderr}`);
  return stdout;
}
