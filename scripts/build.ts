/**
 * Builds the publishable package: `dist` from `src`, nothing left of an earlier build.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT, runTool } from "./tool.ts";

rmSync(join(ROOT, "dist"), { recursive: true, force: true });
const { exitCode, output } = await runTool("tsc", ["-p", "tsconfig.build.json"]);
process.stdout.write(output);
process.exitCode = exitCode;
