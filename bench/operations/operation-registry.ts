/** Every operation by its name, which is what crosses into a thread. */
import { DATA_OPERATIONS } from "./data-operations.ts";
import { METADATA_OPERATIONS } from "./metadata-operations.ts";
import { SQLITE_OPERATIONS } from "./sqlite-operations.ts";
import type { Operation } from "./operation.ts";

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...METADATA_OPERATIONS,
  ...DATA_OPERATIONS,
  ...SQLITE_OPERATIONS,
};
