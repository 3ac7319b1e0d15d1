/** One kind of file operation that client threads repeat. */

export interface OperationSpec {
  /** Of this thread alone. */
  readonly directory: string;
  readonly thread: number;
  readonly count: number;
  /** Of the file, for operations on data. */
  readonly size?: number;
  readonly blockSize?: number;
}

export interface Task {
  /** Does the `i`-th; throws when the system call fails. */
  step(i: number): void;
  /** The same steps can be done again and again. */
  readonly isRepeatable?: boolean;
  /** Megabytes or entries of a step; 1 when it is one operation. */
  readonly unitsPerStep?: number;
  /** The last thing that is timed. */
  end?(): void;
  /** Not timed any more. */
  after?(): void;
}

/** Opens files and makes paths: what is not timed. */
export type Operation = (spec: OperationSpec) => Task;
