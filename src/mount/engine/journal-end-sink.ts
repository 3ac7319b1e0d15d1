/** Tells the hand-off area where the journal ends after every append; the journal's uuid goes there first. */
import { toHex } from "../../core/hex.ts";
import type { AppendedEnd as KnownEnd, AppendedEndSink } from "../../journal/appended-end.ts";
import type { AppendedEnd } from "../appended-end.ts";

export class JournalEndSink implements AppendedEndSink {
  readonly #area: AppendedEnd;
  readonly #known: { readonly uuid: string; readonly end: KnownEnd } | undefined;
  #isAttached = false;
  #segment = 0;
  #offset = 0;
  #jsn = 0;

  constructor(area: AppendedEnd) {
    this.#area = area;
    const end = area.get();
    if (end !== undefined) {
      const { jsn, segment, offset } = end;
      this.#known = { uuid: toHex(end.journalUuid), end: { jsn, segment, offset } };
    }
  }

  /** What an earlier process of this mount acknowledged last in the journal `uuid` (hex). */
  known(uuid: string): KnownEnd | undefined {
    return this.#known?.uuid === uuid ? this.#known.end : undefined;
  }

  /** The journal is open: from now on every append is published. */
  attach(journalUuid: Uint8Array): void {
    this.#area.begin({
      journalUuid,
      segment: this.#segment,
      offset: this.#offset,
      jsn: this.#jsn,
    });
    this.#isAttached = true;
  }

  appended(segment: number, offset: number, jsn: number): void {
    if (this.#isAttached) {
      this.#area.set(segment, offset, jsn);
      return;
    }
    this.#segment = segment;
    this.#offset = offset;
    this.#jsn = jsn;
  }
}
