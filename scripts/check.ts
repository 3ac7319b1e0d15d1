/**
 * `npm run check`, before every commit: format, lint, types, the house rules and the unit tests of src. Under a minute.
 */
import { runStaticChecks } from "./static-checks.ts";
import { runTestFiles, UNIT_TESTS } from "./test-run.ts";
import { printTotal } from "./test-total.ts";

const checks = await runStaticChecks();
const tests = await runTestFiles(UNIT_TESTS, []);
printTotal([checks, tests]);
