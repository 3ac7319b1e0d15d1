/**
 * The XML bodies of the two calls that have one: ListObjectsV2 and DeleteObjects.
 *
 * An answer that is not the one asked for is refused (EPROTO): a list that cannot be read is never an empty list.
 * Source: Amazon S3 API reference.
 */
import { XmlElement } from "@rgrove/parse-xml";
import { ObjectStoreError } from "../object-store.ts";
import { childText, parseRoot } from "./s3-fault.ts";

export interface ListedObject {
  /** As the store has it: with the prefix of the volume. */
  readonly key: string;
  readonly size: number;
  /** Without quotes. */
  readonly tag: string;
  readonly modifiedMs: number;
}

export interface ListAnswer {
  readonly objects: readonly ListedObject[];
  readonly truncated: boolean;
}

export interface DeleteFailure {
  readonly key: string;
  readonly code: string;
  readonly message: string;
}

export function parseListAnswer(body: Uint8Array): ListAnswer {
  const root = rootNamed(body, "ListBucketResult");
  const isUrlEncoded = childText(root, "EncodingType") === "url";
  const objects = elements(root, "Contents").map((element) => listedObject(element, isUrlEncoded));
  const truncated = childText(root, "IsTruncated");
  if (truncated !== "true" && truncated !== "false") {
    throw garbledError(`a list that says neither that it ends nor that it goes on`);
  }
  return { objects, truncated: truncated === "true" };
}

/** The keys that were not deleted. */
export function parseDeleteAnswer(body: Uint8Array): readonly DeleteFailure[] {
  return elements(rootNamed(body, "DeleteResult"), "Error").map((element) => ({
    key: childText(element, "Key") ?? "",
    code: childText(element, "Code") ?? "",
    message: childText(element, "Message") ?? "",
  }));
}

/** The body of DeleteObjects; undefined when one of the keys cannot be written in XML 1.0. */
export function deleteRequestBody(keys: readonly string[]): Uint8Array | undefined {
  // oxlint-disable-next-line no-control-regex -- it is what XML cannot hold
  if (keys.some((key) => /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/u.test(key))) {
    return undefined;
  }
  const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join("");
  const text = `<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects}<Quiet>true</Quiet></Delete>`;
  return new TextEncoder().encode(text);
}

/** An entity tag without its quotes. A weak one names no bytes: it is kept as it is, and no condition ever meets it. */
export function plainTag(etag: string): string {
  return etag.startsWith('"') && etag.endsWith('"') && etag.length >= 2 ? etag.slice(1, -1) : etag;
}

function listedObject(element: XmlElement, isUrlEncoded: boolean): ListedObject {
  const text = (name: string): string => {
    const value = childText(element, name);
    if (value === undefined) throw garbledError(`a list with an object that has no ${name}`);
    return value;
  };
  const size = Number(text("Size"));
  const modifiedMs = Date.parse(text("LastModified"));
  if (!Number.isSafeInteger(size) || size < 0 || Number.isNaN(modifiedMs)) {
    throw garbledError(`a list with a size of ${text("Size")} and a time ${text("LastModified")}`);
  }
  return {
    key: isUrlEncoded ? decodeKey(text("Key")) : text("Key"),
    size,
    tag: plainTag(text("ETag")),
    modifiedMs: wholeSeconds(modifiedMs),
  };
}

/** HEAD tells a time in whole seconds, some lists in milliseconds: one object has one time. */
export function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

/** encoding-type=url writes a space as "+", and "+" as %2B. */
function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (cause) {
    throw garbledError(`a list with the key ${JSON.stringify(text)}`, { cause });
  }
}

function rootNamed(body: Uint8Array, name: string): XmlElement {
  const root = parseRoot(body);
  if (root?.name !== name) {
    throw garbledError(root === undefined ? "no XML" : `<${root.name}> in place of <${name}>`);
  }
  return root;
}

function elements(parent: XmlElement, name: string): readonly XmlElement[] {
  return parent.children.filter(
    (child): child is XmlElement => child instanceof XmlElement && child.name === name,
  );
}

function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"'\r\n\t]/gu, (char) => `&#${char.charCodeAt(0)};`);
}

function garbledError(what: string, options?: ErrorOptions): ObjectStoreError {
  return new ObjectStoreError("EPROTO", `the store answers ${what}: is it an object store?`, {
    ...options,
    retryable: true,
  });
}
