/** One line of `shoal log --follow`. Names in it come from users: control characters are shown, not sent. */
import type { AccessRecord } from "./actions.ts";
import { formatClock } from "./duration.ts";

export function accessLine(record: AccessRecord): string {
  const who = `uid ${record.uid} pid ${record.pid}`;
  const call = `${record.operation}(${visible(record.arguments)})`;
  return `${formatClock(record.timeMs)} ${who} ${call} = ${visible(record.result)} ${Math.round(record.durationUs)} µs\n`;
}

/** A terminal obeys control characters: a file name must not reach it with any. */
export function visible(text: string): string {
  return text.replaceAll(
    /\p{Control}/gu,
    (character) => `\\x${character.codePointAt(0)!.toString(16).padStart(2, "0")}`,
  );
}
