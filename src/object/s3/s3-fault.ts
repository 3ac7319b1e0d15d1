/**
 * What a store answers when it does not do what it was asked: its code and words, and what that means here.
 *
 * Messages name what was asked, the bucket, the endpoint, the store's code and the request's id, and what to do about
 * it. Nothing of a signature or a secret is ever in them: only the elements Code and Message of the answer are shown.
 * Source: Amazon S3 API reference, "Error responses".
 */
import { parseXml, XmlElement } from "@rgrove/parse-xml";
import type { ErrorCode } from "../../core/fs-error.ts";
import { ObjectStoreError } from "../object-store.ts";
import type { HttpAnswer } from "./http-exchange.ts";

/** How much of a store's own words a message repeats. */
const SHOWN_LENGTH_MAX = 200;

export interface S3Fault {
  readonly status: number;
  /** "NoSuchKey"; "" when the answer does not say. */
  readonly code: string;
  readonly message: string;
  /** In AuthorizationHeaderMalformed and PermanentRedirect: where the bucket is. */
  readonly region: string | undefined;
  readonly requestId: string;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly advice: string;
}

const CREDENTIALS_ADVICE =
  "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE), and that they belong to this endpoint";
const DAMAGED: Meaning = {
  code: "EIO",
  retryable: true,
  advice: "the bytes changed on their way to the store",
};
const NESTED: Meaning = {
  code: "EINVAL",
  retryable: false,
  advice: "the store keeps keys as files: one would be a folder of another",
};
const LATER: Meaning = { code: "EAGAIN", retryable: true, advice: "the store is overloaded" };

const MEANINGS: Readonly<Record<string, Meaning>> = {
  AccessDenied: {
    code: "EACCES",
    retryable: false,
    advice:
      "the key may not do this: s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket are needed (without the last, what does not exist is forbidden too)",
  },
  AccountProblem: { code: "EACCES", retryable: false, advice: "ask the store's provider" },
  AllAccessDisabled: { code: "EACCES", retryable: false, advice: "ask the store's provider" },
  BadDigest: DAMAGED,
  ExistingObjectIsDirectory: NESTED,
  ExpiredToken: {
    code: "EACCES",
    retryable: true,
    advice: "the session has expired and the source of credentials gives no newer one",
  },
  IncompleteBody: DAMAGED,
  InvalidAccessKeyId: { code: "EACCES", retryable: false, advice: CREDENTIALS_ADVICE },
  InvalidBucketName: {
    code: "EINVAL",
    retryable: false,
    advice: "the store does not allow such a name for a bucket",
  },
  InvalidDigest: DAMAGED,
  InvalidToken: { code: "EACCES", retryable: true, advice: "check AWS_SESSION_TOKEN" },
  MethodNotAllowed: { code: "EOPNOTSUPP", retryable: false, advice: "the store cannot do this" },
  NoSuchBucket: {
    code: "ENODEV",
    retryable: false,
    advice:
      "create the bucket, or correct its name or the endpoint; nothing is assumed to be empty",
  },
  NotImplemented: { code: "EOPNOTSUPP", retryable: false, advice: "the store cannot do this" },
  ObjectParentIsFile: NESTED,
  OperationAborted: LATER,
  QuotaExceeded: { code: "ENOSPC", retryable: true, advice: "raise the quota or free space" },
  RequestTimeout: { code: "ETIMEDOUT", retryable: true, advice: "the request came too slowly" },
  RequestTimeTooSkewed: {
    code: "EACCES",
    retryable: false,
    advice: "the clocks of this machine and the store differ, and the store's Date did not help",
  },
  SignatureDoesNotMatch: { code: "EACCES", retryable: false, advice: CREDENTIALS_ADVICE },
  SlowDown: LATER,
  TooManyRequests: LATER,
  XAdminUserNotFound: { code: "EACCES", retryable: false, advice: CREDENTIALS_ADVICE },
  XAmzContentSHA256Mismatch: DAMAGED,
  XMinioParentIsObject: NESTED,
  XMinioStorageFull: { code: "ENOSPC", retryable: true, advice: "the store's disks are full" },
};

/** Reads what can be read: a HEAD has no body, a proxy answers in HTML. */
export function faultOf(answer: HttpAnswer): S3Fault {
  const { status, headers } = answer;
  const requestId = headers["x-amz-request-id"] ?? headers["cf-ray"] ?? "";
  const error = parseError(answer.body);
  const text = (name: string): string | undefined => childText(error, name);
  return {
    status,
    code: text("Code") ?? "",
    message: text("Message") ?? "",
    region: headerText(headers["x-amz-bucket-region"]) ?? text("Region"),
    requestId: text("RequestId") ?? headerText(requestId) ?? "",
  };
}

/** `where` reads "create a/b in s3://bucket/prefix at https://host". */
export function faultError(fault: S3Fault, where: string): ObjectStoreError {
  const meaning = meaningOf(fault);
  const said = fault.message.slice(0, SHOWN_LENGTH_MAX);
  const words = said === "" ? "" : `: ${JSON.stringify(said)}`;
  const id = fault.requestId === "" ? "" : ` (request ${fault.requestId.slice(0, 64)})`;
  const code = fault.code === "" ? "" : ` ${fault.code.slice(0, 64)}`;
  return new ObjectStoreError(
    meaning.code,
    `cannot ${where}: the store answers ${fault.status}${code}${words}${id}; ${meaning.advice}`,
    { retryable: meaning.retryable },
  );
}

/**
 * It claims that one key would be a folder of another. versitygw also says so while a folder comes and goes beside a
 * create, so it is looked into.
 */
export function isNestingFault(fault: S3Fault): boolean {
  return meaningOf(fault) === NESTED;
}

/** The store asks for fewer requests. */
export function asksForLess(fault: S3Fault): boolean {
  return fault.status === 503 || fault.status === 429 || fault.code === "SlowDown";
}

function meaningOf(fault: S3Fault): Meaning {
  const known = MEANINGS[fault.code];
  if (known !== undefined) return known;
  const { status } = fault;
  if (status === 429 || status === 503) return LATER;
  if (status === 501) return MEANINGS["NotImplemented"]!;
  if (status === 507) return MEANINGS["QuotaExceeded"]!;
  if (status >= 500) return { code: "EIO", retryable: true, advice: "the store failed" };
  if (status === 408) return MEANINGS["RequestTimeout"]!;
  if (status === 409 || status === 425) {
    return { code: "EAGAIN", retryable: true, advice: "another request was in the way" };
  }
  if (status === 401 || status === 403) {
    return { code: "EACCES", retryable: false, advice: CREDENTIALS_ADVICE };
  }
  if (status >= 300 && status < 400) {
    return {
      code: "EPROTO",
      retryable: false,
      advice:
        "it redirects elsewhere: set AWS_REGION or AWS_ENDPOINT_URL_S3 to where the bucket is",
    };
  }
  if (status === 404) {
    return {
      code: "EPROTO",
      retryable: false,
      advice: "that is no answer of an object store: check the endpoint and the style of addresses",
    };
  }
  return { code: "EINVAL", retryable: false, advice: "the store does not take such a request" };
}

export function childText(element: XmlElement | undefined, name: string): string | undefined {
  for (const child of element?.children ?? []) {
    if (child instanceof XmlElement && child.name === name) return child.text;
  }
  return undefined;
}

/** undefined unless the body is XML. */
export function parseRoot(body: Uint8Array): XmlElement | undefined {
  if (body.length === 0) return undefined;
  try {
    return parseXml(new TextDecoder("utf-8", { fatal: true }).decode(body)).root ?? undefined;
  } catch {
    // Not XML, or not UTF-8: the caller says what that means where it stands.
    return undefined;
  }
}

function parseError(body: Uint8Array): XmlElement | undefined {
  const root = parseRoot(body);
  return root?.name === "Error" ? root : undefined;
}

function headerText(value: string | readonly string[] | undefined): string | undefined {
  const text = typeof value === "string" ? value : value?.[0];
  return text === "" ? undefined : text;
}
