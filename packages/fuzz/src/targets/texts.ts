import { clean, withoutBegun } from "@effect-mcp-auth/core/authoring/CleanText"
import * as HttpExchange from "@effect-mcp-auth/core/authoring/HttpExchange"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import { inspect } from "node:util"
import { checkShown, run, shows } from "../support.ts"
import { holds } from "../Target.ts"
import type { Target } from "../Target.ts"

const secrets = ["hunter2Zq91", "p@ss w%rd/+&=\"\\Zq91", "s3cret:with:colons", "client"]

export const cleanText: Target = {
  name: "clean",
  input: "a text from outside that may hold one of the secrets; after a line of `%%`, a secret of its own",
  seeds: [
    "all is well",
    ...secrets.flatMap((secret) => [
      `the secret ${secret} is wrong`,
      `secret=${encodeURIComponent(secret)}`,
      `secret=${new URLSearchParams({ s: secret }).toString()}`,
      JSON.stringify({ secret })
    ]),
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.AAAA and\nmore\u2028lines\u202e",
    "the code is invalid_client\n%%\nclient",
    "say (a+)+$ twice (a+)+$\n%%\n(a+)+$"
  ],
  dictionary: [...secrets, "%25", "%2F", "\\u0070", "&quot;", "<redacted>", "invalid_client"],
  run: (input) => {
    const [text = "", own = ""] = input.split("\n%%\n")
    const all = [...secrets, ...(own.length >= 4 ? [own] : [])]
    const cleaned = clean(text, all)
    checkShown("a cleaned text", cleaned)
    holds(cleaned.length <= 201, "a cleaned text is longer than 201 characters")
    for (const secret of secrets.slice(0, 3)) {
      holds(!shows(cleaned, [secret]), "a cleaned text shows a secret")
    }
    const begun = withoutBegun(text, secrets)
    holds(text.startsWith(begun), "`withoutBegun` changes what is before the end")
    for (const secret of secrets) {
      holds(!begun.endsWith(secret.slice(0, -1)), "a text ends with a begun secret")
    }
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

/** An error from JSON: the members of the object are those of the error, and `cause` and `errors` are errors again. */
const errorOf = (value: unknown): unknown => {
  if (!isRecord(value) || Array.isArray(value)) return value
  const error = new Error(typeof value["message"] === "string" ? value["message"] : "")
  for (const [name, member] of Object.entries(value)) {
    const inner = name === "cause"
      ? member === "itself" ? error : errorOf(member)
      : name === "errors" && Array.isArray(member)
      ? member.map(errorOf)
      : member
    Object.defineProperty(error, name, { value: inner, configurable: true, writable: true, enumerable: true })
  }
  return error
}

export const connection: Target = {
  name: "connection-error",
  input: "the error of a transport as JSON: name, message, code, cause, errors, and members such as `data`",
  seeds: [
    { message: "fetch failed", cause: { code: "ECONNREFUSED", message: "connect ECONNREFUSED 127.0.0.1:1" } },
    { message: "fetch failed", cause: { name: "HTTPParserError", code: "HPE_INVALID_CONSTANT", data: "canary-token" } },
    { message: "", errors: [{ code: "ENOTFOUND", hostname: "a" }, { code: "ERR_SSL_X" }], cause: "itself" },
    { message: "request to https://u:canary@a.example/?q=canary failed", code: "CERT_HAS_EXPIRED", syscall: "x" },
    { message: "error sending request: invalid peer certificate: Expired" },
    "a text ?q=canary"
  ].map((value) => JSON.stringify(value)),
  run: async (input) => {
    let error: unknown
    try {
      error = errorOf(JSON.parse(input))
    } catch {
      return
    }
    for (const url of ["https://auth.example.com/token", "http://localhost/token"]) {
      const client = HttpClient.make((request) =>
        Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: error }))
      )
      // The recorder's word may stand in the message of the transport, which is no secret of this client.
      const failure = await run(Effect.flip(
        HttpExchange.exchange(client, HttpClientRequest.get(url), HttpExchange.defaultLimits)
      ))
      if (failure === undefined) continue
      const { advice = "", cause, description } = failure
      checkShown("the description of a failed connection", description)
      checkShown("the advice on a failed connection", advice)
      holds(description.length <= 400, "the description of a failed connection is longer than 400 characters")
      const printed = inspect(cause, { depth: Infinity, showHidden: true })
      holds(
        !/[?][^\s"')]*canary|data: 'canary|:\/\/\w*:canary@/.test(printed),
        "the cause shows a query, a password or an answer"
      )
    }
  }
}
