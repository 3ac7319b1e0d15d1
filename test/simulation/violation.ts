/** What a schedule showed to be wrong. */
export class Violation extends Error {}
