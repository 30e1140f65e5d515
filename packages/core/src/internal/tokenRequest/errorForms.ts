import * as Predicate from "effect/Predicate"
import type { Answer } from "../../authoring/HttpExchange.ts"
import { registeredCodes } from "../text/errorCodes.ts"

/**
 * The error in an answer, as the server wrote it. No text in it is cleaned.
 *
 * @internal
 */
export interface Said {
  /** The error code (RFC 6749 §5.2), from the standard's member or from a vendor's if that holds a registered code. */
  readonly code?: string | undefined
  /** The server's text for people. */
  readonly text?: string | undefined
  /** The vendor's own name of the error, such as `INVALID_ARGUMENT`. */
  readonly vendorCode?: string | undefined
  /** `error_uri` (RFC 6749 §5.2), if it is https. */
  readonly uri?: string | undefined
}

type Members = Readonly<Record<string, unknown>>

/**
 * Reads the error in an answer: the form of RFC 6749 §5.2, else a form that some vendor is known to use. Of JSON only
 * the named members are read, of text a `text/plain` body, and HTML is never read.
 *
 * @internal
 */
export const readError = (answer: Answer, json: unknown): Said => {
  if (json !== undefined) return fromJson(json)
  const type = mediaTypeOf(answer)
  if (type === "application/x-www-form-urlencoded" || answer.body.startsWith("error=")) {
    return fromJson(Object.fromEntries(new URLSearchParams(answer.body)))
  }
  const text = answer.body.trim()
  // Broken JSON, and HTML that is declared as text, is no text for people.
  return answer.status >= 400 && type === "text/plain" && text !== "" && !/^[<{[]/.test(text) ? { text } : {}
}

/**
 * The media type of an answer, in lower case and without parameters.
 *
 * @internal
 */
export const mediaTypeOf = ({ headers }: Pick<Answer, "headers">): string =>
  (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? ""

const fromJson = (json: unknown): Said => {
  const members = membersOf(json)
  if (members === undefined) return {}
  const { error, error_description: description, error_uri: uri } = members
  // Google and Azure put all in an object of that name, Apigee in `fault`, JSON:API and Cloudflare in a list.
  const inner = membersOf(error) ?? membersOf(members["fault"]) ?? membersOf(members["errors"])
  const codes = [members, ...(inner === undefined ? [] : [inner])].flatMap(vendorCodes)
  // A token is no error, whatever a vendor's members beside it say.
  const code = textOf(error) ??
    ("access_token" in members ? undefined : codes.find((code) => registeredCodes.has(code)))
  return {
    code,
    text: textOf(description) ?? (inner === undefined ? undefined : vendorText(inner)) ?? vendorText(members),
    vendorCode: codes.find((vendorCode) => vendorCode !== code),
    uri: typeof uri === "string" && /^https:\/\//i.test(uri) ? uri : undefined
  }
}

/** The members of an object, or of the first object of a list, as Salesforce sends its errors. */
const membersOf = (value: unknown): Members | undefined => {
  const object: unknown = Array.isArray(value) ? value[0] : value
  return Predicate.isRecord(object) ? object : undefined
}

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value.trim() !== "" ? value : undefined

/**
 * The members with a text for people, the most specific first: Okta; Google, AWS and gateways; problem+json (RFC 9457);
 * Apigee. `detail` of FastAPI is a list of objects with `msg`.
 */
const textMembers = ["errorSummary", "message", "Message", "detail", "title", "faultstring", "errorMessage", "msg"]

const vendorText = (members: Members): string | undefined => {
  for (const name of textMembers) {
    const value = members[name]
    const text = textOf(value) ?? (Array.isArray(value) ? textOf(membersOf(value)?.["msg"]) : undefined)
    if (text !== undefined) return text
  }
  return undefined
}

/** The members with a name of the error: Okta and Salesforce; Google; AWS, after the name space; Azure and gateways. */
const codeMembers = ["errorCode", "status", "__type", "code"]

const vendorCodes = (members: Members): ReadonlyArray<string> =>
  codeMembers.flatMap((name) => {
    const value = members[name]
    const code = typeof value === "string" ? value.slice(value.lastIndexOf("#") + 1) : ""
    return /^[A-Za-z][\w.-]{0,63}$/.test(code) ? [code] : []
  })
