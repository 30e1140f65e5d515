import { type Form, repeated, texts, whole, words } from "@effect-mcp-auth/tooling/hostileTexts"
import { Headers } from "@effect/platform"
import { Redacted } from "effect"
import { redirectTarget, retryAfter } from "../../src/authoring/HttpExchange.ts"
import * as Challenge from "../../src/Challenge.ts"
import { namedPlaces } from "../../src/Discovery/Place.ts"
import { lifetimeOf } from "../../src/internal/http/cacheControl.ts"

const bearer = (piece: string | ((index: number) => string)): Form =>
  whole((bytes) => `Bearer ${repeated(piece, bytes)}`)

const challenges: Readonly<Record<string, Form>> = {
  "commas": ",",
  "quotation marks": "\"",
  "escapes in a string without an end": whole((bytes) => `Bearer a="${repeated("\\\"", bytes)}`),
  "single quotes": "a='b, ",
  "equal challenges": "Bearer a=\"b\", ",
  "challenges of different schemes": (index) => `S${index} a=b, `,
  "different parameters": bearer((index) => `a${index}="b", `),
  "one parameter again and again": bearer("scope=\"a\", "),
  "addresses": bearer("resource_metadata=\"https://a.example\", "),
  "addresses beside other parameters": whole((bytes) =>
    `Bearer ${repeated((index) => `a${index}=b, `, bytes / 2)}${
      repeated((index) => `resource_metadata="https://a.example/${index}", `, bytes / 2)
    }`
  ),
  "scopes": whole((bytes) => `Bearer error="insufficient_scope", scope="${words(bytes).join(" ")}"`),
  "one long scope": whole((bytes) => `Bearer scope="${"s".repeat(bytes)}"`),
  "white space": whole((bytes) => `Bearer scope=${" ".repeat(bytes)}`),
  "parts that are no parameters": "bearer see below, ",
  "queries": bearer("see https://a.example/?"),
  "bare values": bearer("a=b:c d "),
  "token68": whole((bytes) => `Bearer ${repeated("abc/+", bytes)}==`)
}

const readChallenge = (header: string) => {
  Challenge.unreadable(header)
  namedPlaces(Challenge.allFromHeader(header))
  const challenge = Challenge.fromHeader(header)
  if (challenge === undefined) return
  Challenge.requiredScopes(challenge)
  Challenge.withoutToken(challenge, Redacted.make("token"))
}

const now = Date.UTC(2026, 0, 1)

const cacheControl: Readonly<Record<string, Form>> = {
  "commas": ",",
  "equals signs": "=",
  "different directives": (index) => `d${index}=1, `,
  "strings": "a=\"b,c\", ",
  "escapes in a string without an end": whole((bytes) => `"${repeated("\\\"", bytes)}`),
  "digits": whole((bytes) => `max-age=${"9".repeat(bytes)}`),
  "white space": whole((bytes) => `max-age=${" ".repeat(bytes)}1`)
}

const times: Readonly<Record<string, Form>> = {
  "digits": "9",
  "digits and dots": "9.",
  "white space": whole((bytes) => `a${" ".repeat(bytes)}1`),
  "words": "Mon ",
  "parentheses": "a("
}

/** The headers that core reads. */
export const headers = [
  ...texts("WWW-Authenticate", challenges, readChallenge),
  ...texts("Cache-Control", cacheControl, (value) => lifetimeOf(Headers.fromInput({ "cache-control": value }), now)),
  ...["Expires", "Date", "Age"].flatMap((name) =>
    texts(name, times, (value) => lifetimeOf(Headers.fromInput({ expires: "0", [name]: value }), now))
  ),
  ...texts("Retry-After", times, (value) => retryAfter(Headers.fromInput({ "retry-after": value }), now)),
  ...texts(
    "Location",
    { "slashes": "/", "dots": "../", "at signs": "https://a@", "percent signs": "%" },
    (value) => redirectTarget(Headers.fromInput({ location: value }), "https://a.example")
  )
]
