/** A command line that cannot be obeyed: exit code 2. Further lines of the message are hints. */

export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UsageError";
  }
}
