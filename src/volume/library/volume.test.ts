import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SystemClock } from "../../core/clock.ts";
import { OpenFlag } from "./open-flags.ts";
import { Volume } from "./volume.ts";
import { VolumeEntry } from "./volume-entry.ts";

const VOLUME_URL = new URL("./volume.ts", import.meta.url).href;
const BIG_SIZE: number = 9 * 1024 * 1024 + 5;
/** Far more than closing takes on any machine, far less than the engine sleeps. */
const SOON_MS = 30_000;
const clock = new SystemClock();
let folder = "";
let count = 0;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-library-"));
});
after(() => rmSync(folder, { recursive: true }));

interface Place {
  readonly url: string;
  readonly stateDirectory: string;
}

function newPlace(): Place {
  const name = String(++count);
  return { url: join(folder, name), stateDirectory: join(folder, `${name}-state`) };
}

function create({ url, stateDirectory }: Place): Promise<Volume> {
  return Volume.create(url, { stateDirectory, uid: 0, gid: 0 });
}

function open({ url, stateDirectory }: Place): Promise<Volume> {
  return Volume.open(url, { stateDirectory, uid: 0, gid: 0 });
}

function pattern(size: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
}

/** Runs a program with `volume` open in it, in a process of its own. */
function runProgram({ url, stateDirectory }: Place, code: string): ChildProcess {
  const options = JSON.stringify({ stateDirectory, uid: 0, gid: 0 });
  const program = `
    import { Volume } from ${JSON.stringify(VOLUME_URL)};
    const volume = await Volume.open(${JSON.stringify(url)}, ${options});
    ${code}`;
  return spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

describe("a volume opened in a program", () => {
  let volume: Volume;
  before(async () => {
    volume = await create(newPlace());
  });
  after(() => volume.close());

  it("keeps files, directories, links and attributes over its closing", async () => {
    const place = newPlace();
    {
      await using volume = await create(place);
      await volume.mkdir("/a/b/c", { recursive: true });
      await volume.writeFile("/a/b/f", "grüße", { mode: 0o640 });
      await volume.symlink("b/f", "/a/link");
      await volume.link("/a/b/f", "/a/b/g");
      await volume.setxattr("/a/b/f", "user.kind", "note");
      await volume.utimes("/a/b/f", 1.5, new Date(2500));
      await volume.chown("/a/b/c", { uid: 7, gid: 8 });
    }
    await using volume = await open(place);
    assert.equal(await volume.readlink("/a/link"), "b/f");
    assert.deepEqual(await volume.readdir("/a/b"), ["c", "f", "g"]);
    const stat = await volume.stat("a/b/g");
    assert.deepEqual([stat.isFile(), stat.mode & 0o7777, stat.nlink], [true, 0o640, 2]);
    assert.deepEqual([stat.size, stat.mtimeMs, stat.atimeNs], [7, 2500, 1_500_000_000n]);
    assert.equal((await volume.lstat("/a/link")).isSymbolicLink(), true);
    assert.equal(await volume.readFile("/a/link", { encoding: "utf8" }), "grüße");
    assert.deepEqual(await volume.listxattrs("/a/b/f"), ["user.kind"]);
    assert.equal((await volume.getxattr("/a/b/f", "user.kind")).toString(), "note");
    const { uid, gid } = await volume.stat("/a/b/c");
    assert.deepEqual([uid, gid], [7, 8]);
  });

  it("refuses as Linux does, and says what it was about", async () => {
    await assert.rejects(volume.stat("/no/thing"), {
      code: "ENOENT",
      errno: -2,
      message: /^stat "\/no\/thing": /,
    });
    await volume.mkdir("/d");
    await assert.rejects(volume.mkdir("/d"), { code: "EEXIST" });
    await assert.rejects(volume.unlink("/d"), { code: "EISDIR" });
    await assert.rejects(volume.readFile("/d"), { code: "EISDIR" });
    await volume.writeFile("/f", "");
    await assert.rejects(volume.rename("/f", "/d", { noReplace: true }), { code: "EEXIST" });
    await assert.rejects(volume.mkdir("/f/x", { recursive: true }), { code: "ENOTDIR" });
    await assert.rejects(volume.mkdir("/f", { recursive: true }), { code: "EEXIST" });
    await assert.rejects(volume.open("/f", "wx"), { code: "EEXIST" });
    await assert.rejects(volume.stat("/x\0y"), { code: "EINVAL" });
    await assert.rejects(volume.removexattr("/f", "user.none"), { code: "ENODATA" });
  });

  it("reads and writes files of many pieces, at any place", async () => {
    const data = pattern(BIG_SIZE);
    await volume.writeFile("/whole", data);
    assert.ok((await volume.readFile("/whole")).equals(data));
    await using file = await volume.open("/f", "w+");
    assert.equal((await file.write(data)).bytesWritten, BIG_SIZE);
    await file.write(Buffer.from("<end>"));
    const tail = await file.read(Buffer.alloc(20), { position: BIG_SIZE - 5 });
    assert.equal(tail.bytesRead, 10);
    assert.equal(tail.buffer.subarray(5, 10).toString(), "<end>");
    await file.write(Buffer.from("xxABCxx"), { offset: 2, length: 3, position: 1 });
    const { buffer } = await file.read(Buffer.alloc(8).fill("."), {
      offset: 1,
      length: 5,
      position: 0,
    });
    assert.equal(buffer.toString("latin1"), `.\0ABC${String.fromCharCode(28)}..`);
    await file.truncate(3);
    assert.equal((await file.stat()).size, 3);
    await volume.appendFile("/f", "+");
    assert.equal((await volume.readFile("/f")).length, 4);
  });

  it("punches, allocates, finds and copies ranges", async () => {
    await volume.writeFile("/f", pattern(3 * 4096));
    await using file = await volume.open("/f", "r+");
    await file.fallocate("punch", { offset: 4096, length: 4096 });
    assert.equal(await file.seek("hole", 0), 4096);
    assert.equal(await file.seek("data", 4096), 8192);
    await file.fallocate("insert", { offset: 0, length: 4096 });
    assert.equal((await file.stat()).size, 4 * 4096);
    await using copy = await volume.open("/copy", "w+");
    const range = { sourceOffset: 4096, targetOffset: 10, length: 1 << 30 };
    assert.equal(await file.copyFileRange(copy, range), 3 * 4096);
    const { buffer } = await copy.read(Buffer.alloc(4096), { position: 10 });
    assert.ok(buffer.equals(pattern(4096)));
    await volume.copyFile("/f", "/g");
    assert.ok((await volume.readFile("/g")).equals(await volume.readFile("/f")));
  });

  it("lists directories of many pages, with types and with names that are no UTF-8", async () => {
    const names = Array.from({ length: 5000 }, (_, i) => `n${i}`);
    await volume.mkdir("/many");
    await Promise.all(names.map((name) => volume.writeFile(`/many/${name}`, "")));
    assert.deepEqual(await volume.readdir("/many"), names);
    await volume.mkdir("/o");
    await volume.writeFile(Buffer.from([0x2f, 0x6f, 0x2f, 0xff]), "odd");
    const [entry] = await volume.readdir("/o", { withFileTypes: true });
    assert.ok(entry instanceof VolumeEntry);
    assert.deepEqual([entry.isFile(), entry.name, entry.nameBytes[0]], [true, "\ufffd", 0xff]);
    assert.deepEqual(await volume.readdir("/o", { encoding: "buffer" }), [Buffer.from([0xff])]);
  });

  it("executes calls in the order in which they were made", async () => {
    const calls = [
      volume.mkdir("/order"),
      volume.writeFile("/order/f", "1"),
      volume.rename("/order/f", "/order/g"),
      volume.appendFile("/order/g", "2"),
      volume.readFile("/order/g", { encoding: "utf8" }),
    ];
    assert.equal((await Promise.all(calls)).at(-1), "12");
  });

  it("keeps an unlinked file for whoever has it open, and frees it then", async () => {
    const { files, ffree } = await volume.statfs();
    const file = await volume.open("/unlinked", "w+");
    await file.write(Buffer.from("still here"));
    await volume.unlink("/unlinked");
    await using second = await volume.open("/", OpenFlag.TMPFILE | OpenFlag.RDWR);
    await assert.rejects(volume.stat("/unlinked"), { code: "ENOENT" });
    const { buffer } = await file.read(Buffer.alloc(10), { position: 0 });
    assert.equal(buffer.toString(), "still here");
    assert.equal((await file.stat()).nlink, 0);
    assert.equal((await volume.statfs()).files, files + 2);
    await file.close();
    await file.close();
    await assert.rejects(file.stat(), { code: "EBADF" });
    assert.equal((await volume.statfs()).files, files + 1);
    await second.link("/named");
    await second.close();
    assert.equal((await volume.statfs()).files - ffree, files - ffree + 1);
    assert.equal((await volume.stat("/named")).nlink, 1);
  });
});

describe("access to a volume opened in a program", () => {
  it("is that of the ids it was opened with", async () => {
    const place = newPlace();
    {
      await using volume = await create(place);
      await volume.writeFile("/secret", "x", { mode: 0o600 });
      await volume.mkdir("/home");
      await volume.chown("/home", { uid: 1001, gid: 2001 });
      await volume.writeFile("/shared", "x", { mode: 0o660 });
      await volume.chown("/shared", { gid: 3000 });
      await volume.chmod("/shared", 0o660);
    }
    await using volume = await Volume.open(place.url, {
      stateDirectory: place.stateDirectory,
      uid: 1001,
      gid: 2001,
      groups: [3000],
      umask: 0o077,
    });
    await assert.rejects(volume.readFile("/secret"), { code: "EACCES" });
    await assert.rejects(volume.writeFile("/new", ""), { code: "EACCES" });
    assert.equal(await volume.readFile("/shared", { encoding: "utf8" }), "x");
    await volume.writeFile("/home/mine", "y");
    const { uid, gid, mode } = await volume.stat("/home/mine");
    assert.deepEqual([uid, gid, mode & 0o777], [1001, 2001, 0o600]);
    await assert.rejects(volume.chown("/home/mine", { uid: 0 }), { code: "EPERM" });
  });

  it("is refused for changes with EROFS when it is open for reading only", async () => {
    const place = newPlace();
    {
      await using volume = await create(place);
      await volume.writeFile("/f", "x");
    }
    const { url, stateDirectory } = place;
    await using volume = await Volume.open(url, { stateDirectory, uid: 0, gid: 0, readOnly: true });
    assert.equal(await volume.readFile("/f", { encoding: "utf8" }), "x");
    for (const change of [
      () => volume.writeFile("/g", ""),
      () => volume.writeFile("/f", ""),
      () => volume.unlink("/f"),
      () => volume.rename("/f", "/g"),
      () => volume.chmod("/f", 0o600),
      () => volume.mkdir("/d"),
      () => volume.setxattr("/f", "user.a", "b"),
      () => volume.truncate("/f", 0),
    ]) {
      await assert.rejects(change, { code: "EROFS" });
    }
  });

  it("is one program's at a time", async () => {
    const place = newPlace();
    const volume = await create(place);
    await assert.rejects(open(place), {
      code: "EBUSY",
      message: new RegExp(`volume ${volume.uuid} is open in process ${process.pid} since `),
    });
    await volume.close();
    await volume.close();
    await assert.rejects(volume.stat("/"), { code: "EBADF" });
    await (await open(place)).close();
  });

  it("is refused for what is no volume, and leaves nothing locked", async () => {
    const place = newPlace();
    await assert.rejects(open(place), { code: "ENOENT" });
    const volume = await create(place);
    await volume.close();
    await assert.rejects(create(place), { code: "EEXIST" });
    await assert.rejects(
      Volume.open(place.url, {
        stateDirectory: join(folder, "another-state"),
        durability: "x" as "disk",
      }),
      { code: "EINVAL" },
    );
    const signal = AbortSignal.abort(new Error("not now"));
    await assert.rejects(Volume.open(place.url, { ...place, signal }), { message: "not now" });
    await (await open(place)).close();
  });
});

describe("what a volume opened in a program promises", () => {
  it("is kept when the process is killed: all that was acknowledged is there, and no orphan", async () => {
    const place = newPlace();
    await (await create(place)).close();
    const child = runProgram(
      place,
      `const file = await volume.open("/orphan", "w+");
       await file.write(Buffer.from("x"));
       await volume.unlink("/orphan");
       await Promise.all(Array.from({ length: 500 }, (_, i) => volume.writeFile("/f" + i, "data " + i)));
       process.kill(process.pid, "SIGKILL");`,
    );
    assert.deepEqual(await once(child, "exit"), [null, "SIGKILL"]);
    await using volume = await open(place);
    const names = await volume.readdir("/");
    assert.equal(names.length, 500);
    for (const name of names) {
      const text = await volume.readFile(name, { encoding: "utf8" });
      assert.equal(text, `data ${name.slice(1)}`);
    }
    const { files, ffree } = await volume.statfs();
    assert.equal(files - ffree, 501);
  });

  it("ends with the process at once, without a word, when it exits", async () => {
    const place = newPlace();
    await (await create(place)).close();
    const child = runProgram(place, `await volume.mkdir("/kept"); process.exit(7);`);
    const startedMs = clock.monotonicMs();
    assert.deepEqual(await once(child, "exit"), [7, null]);
    assert.ok(clock.monotonicMs() - startedMs < SOON_MS);
    await using volume = await open(place);
    assert.deepEqual(await volume.readdir("/"), ["kept"]);
  });

  it("sync and FileHandle.sync answer many at once, before and after cuts", async () => {
    await using volume = await create(newPlace());
    await using file = await volume.open("/f", "w");
    const work: Promise<unknown>[] = [];
    for (let i = 0; i < 200; i++) {
      work.push(file.write(Buffer.from(`${i}`), { position: i * 10 }));
      if (i % 3 === 0) work.push(file.sync());
      if (i % 50 === 0) work.push(volume.sync());
    }
    await Promise.all(work);
    await volume.sync();
    await volume.sync({ signal: AbortSignal.timeout(SOON_MS) });
    await assert.rejects(volume.sync({ signal: AbortSignal.abort(new Error("no time")) }), {
      message: "no time",
    });
  });

  it("is not broken by a store that fails for good: calls are refused, nothing is lost", async () => {
    const place = newPlace();
    const volume = await create(place);
    // Where the packs would go.
    const obstacle = join(place.url, "packs");
    writeFileSync(obstacle, "");
    await volume.writeFile("/f", "kept");
    await assert.rejects(volume.sync(), { code: "EIO", message: /open it again/ });
    await assert.rejects(volume.readFile("/f"), { code: "EIO" });
    await assert.rejects(volume.close(), { code: "EIO" });
    rmSync(obstacle);
    await using again = await open(place);
    assert.equal(await again.readFile("/f", { encoding: "utf8" }), "kept");
    await again.sync();
  });

  it("gives up storing at a close when told to, and stores at the next", async () => {
    const place = newPlace();
    const volume = await create(place);
    await volume.writeFile("/f", pattern(BIG_SIZE));
    const signal = AbortSignal.abort(new Error("in a hurry"));
    await assert.rejects(volume.close({ signal }), { message: "in a hurry" });
    await using again = await open(place);
    assert.ok((await again.readFile("/f")).equals(pattern(BIG_SIZE)));
  });
});
