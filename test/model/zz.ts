import { TemporaryLinuxDirectory } from "../conformance/posix/linux-directory.ts";
import { runAgainstModel } from "./run-against-model.ts";
const all = new Map<string, number>();
const t = performance.now();
for (let seed = Number(process.argv[2] ?? 1); seed <= Number(process.argv[3] ?? 5); seed++) {
  try {
    const d = runAgainstModel({
      seed,
      commandCount: Number(process.argv[4] ?? 4000),
      compareEvery: Number(process.argv[5] ?? 100),
      subject: () => new TemporaryLinuxDirectory("/tmp"),
      model: {
        fileSizeMax: (2 ** 32 - 1) * 4096,
        linkCountMax: 65000,
        allocationUnit: 4096,
        protectedHardlinks: true,
      },
      commands: { sticky: true, whiteout: true },
      compareAtime: true,
    });
    for (const [k, v] of d.outcomes) all.set(k, (all.get(k) ?? 0) + v);
  } catch (e) {
    console.log((e as Error).message.replace(/nnnnnn*/g, "NNN").slice(0, 4000));
  }
}
console.log(performance.now() - t);
const by = new Map<string, string[]>();
for (const [k, v] of [...all].sort((a, b) => b[1] - a[1])) {
  const [op, ...r] = k.split(" ");
  (by.get(op!) ?? by.set(op!, []).get(op!)!).push(r.join(" ") + ":" + v);
}
for (const [k, v] of by) console.log(k, v.join(" "));
