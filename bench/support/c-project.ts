/** A C program of many files with a makefile, the same for the same seed. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Prng } from "../../src/core/prng.ts";

const FUNCTIONS_PER_FILE = 12;

export function writeCProject(root: string, fileCount: number, seed: number): void {
  const prng = new Prng(seed);
  mkdirSync(root, { recursive: true });
  const names = Array.from({ length: fileCount }, (_, i) => `unit${i}`);
  for (const name of names) {
    writeFileSync(join(root, `${name}.h`), `int ${name}(int x);\n`);
    const bodies = Array.from({ length: FUNCTIONS_PER_FILE }, (_, i) => {
      const factor = prng.u32() % 1000;
      return `static int ${name}_${i}(int x) { int s = ${factor}; for (int i = 0; i < x; i++) s = s * 31 + i; return s; }`;
    });
    const calls = bodies.map((_, i) => `${name}_${i}(x)`).join(" + ");
    const text = `#include <stdio.h>\n#include "${name}.h"\n${bodies.join("\n")}\nint ${name}(int x) { return ${calls}; }\n`;
    writeFileSync(join(root, `${name}.c`), text);
  }
  const includes = names.map((name) => `#include "${name}.h"`).join("\n");
  const sum = names.map((name) => `${name}(3)`).join(" + ");
  const main = `#include <stdio.h>\n${includes}\nint main(void) { printf("%d\\n", ${sum}); return 0; }\n`;
  writeFileSync(join(root, "main.c"), main);
  const objects = [...names, "main"].map((name) => `${name}.o`).join(" ");
  writeFileSync(
    join(root, "Makefile"),
    `program: ${objects}\n\t$(CC) -o $@ $^\n%.o: %.c\n\t$(CC) -O1 -c -o $@ $<\n`,
  );
}
