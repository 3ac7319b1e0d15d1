/** The calls of the port by name, for faults, metrics and messages. */

export const STORE_METHODS = [
  "create",
  "createFromFile",
  "swap",
  "get",
  "getRange",
  "head",
  "list",
  "delete",
  "deleteMany",
] as const;

export type StoreMethod = (typeof STORE_METHODS)[number];
