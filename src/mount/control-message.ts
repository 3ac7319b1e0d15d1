/**
 * What goes over a mount's control socket: one JSON object a line, both ways.
 *
 *   request   {"id":1,"method":"sync","params":{…}}
 *   event     {"id":1,"event":…}             any number, before the answer
 *   answer    {"id":1,"result":…}            or {"id":1,"error":{"code":"EIO","message":"…"}}
 *
 * A client that closes its side gives its requests up. Ids are the client's own; any JSON number.
 */
import { ERRNO, FsError, type ErrorCode } from "../core/fs-error.ts";

/** A longer line is refused: no request or answer comes near it. */
export const LINE_SIZE_MAX: number = 4 * 1024 * 1024;

export interface ControlError {
  readonly code: string;
  readonly message: string;
}

export interface ControlRequest {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}

export type ControlReply =
  | { readonly id: number; readonly event: unknown }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ControlError };

/** Throws EPROTO when it is no request. */
export function parseRequest(line: string): ControlRequest {
  const value = parseObject(line);
  const { id, method, params } = value;
  if (typeof id !== "number" || typeof method !== "string")
    throw new FsError("EPROTO", "a control request has a numeric id and a method");
  return { id, method, params };
}

/** Throws EPROTO when it is no reply. */
export function parseReply(line: string): ControlReply {
  const value = parseObject(line);
  const { id } = value;
  if (typeof id !== "number") throw new FsError("EPROTO", "a control reply has a numeric id");
  if ("event" in value) return { id, event: value["event"] };
  if ("error" in value) return { id, error: asControlError(value["error"]) };
  return { id, result: value["result"] };
}

export function toControlError(error: unknown): ControlError {
  if (error instanceof FsError) return { code: error.code, message: error.message };
  return { code: "EIO", message: error instanceof Error ? error.message : String(error) };
}

export function fromControlError(error: ControlError): FsError {
  const code = Object.hasOwn(ERRNO, error.code) ? (error.code as ErrorCode) : "EIO";
  return new FsError(code, error.message);
}

export function asControlError(value: unknown): ControlError {
  const error = (typeof value === "object" && value !== null ? value : {}) as Partial<
    Record<keyof ControlError, unknown>
  >;
  return {
    code: typeof error.code === "string" ? error.code : "EIO",
    message: typeof error.message === "string" ? error.message : "an error without a message",
  };
}

/** Collects lines from chunks of text. Throws EPROTO when one grows past LINE_SIZE_MAX. */
export class LineSplitter {
  #rest = "";

  push(text: string): string[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > LINE_SIZE_MAX || lines.some((line) => line.length > LINE_SIZE_MAX))
      throw new FsError("EPROTO", `a control message is longer than ${LINE_SIZE_MAX}`);
    return lines.filter((line) => line !== "");
  }
}

function parseObject(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new FsError("EPROTO", "a control message is no JSON", { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new FsError("EPROTO", "a control message is no object");
  return value as Record<string, unknown>;
}
