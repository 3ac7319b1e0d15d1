/**
 * Builds the publishable package: `dist` from `src`, nothing left of an earlier build, and in it the bundle of what a
 * mount runs.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { bundleProgram } from "./bundle.ts";
import { ROOT, runTool } from "./tool.ts";

rmSync(join(ROOT, "dist"), { recursive: true, force: true });
const { exitCode, output } = await runTool("tsc", ["-p", "tsconfig.build.json"]);
process.stdout.write(output);
if (exitCode === 0) await bundleProgram(join(ROOT, "dist", "bundle"));
process.exitCode = exitCode;
