/** What a check found. Nothing is ever changed by looking. */

export interface FsckProblem {
  /** "inode 812", "pack 3". */
  readonly subject: string;
  readonly message: string;
}

/** Listed at most; all are counted. */
const LISTED_COUNT_MAX = 1000;

export class ProblemList {
  readonly listed: FsckProblem[] = [];
  count = 0;

  add(subject: string, message: string): void {
    this.count++;
    if (this.listed.length < LISTED_COUNT_MAX) this.listed.push({ subject, message });
  }

  addAll(others: ProblemList): void {
    for (const { subject, message } of others.listed) this.add(subject, message);
    this.count += others.count - others.listed.length;
  }
}
