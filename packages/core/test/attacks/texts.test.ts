/**
 * Texts of servers that forge log lines, drive a terminal, or repeat a secret of the client: one row a place where a
 * server's text enters. The leak recorder searches every text for secrets in all their spellings.
 */
import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Either, LogLevel, Redacted } from "effect"
import { inspect } from "node:util"
import { OAuthError, OAuthHttpClient, type OAuthProvider } from "../../src/index.ts"
import { logging } from "../support/logging.ts"
import { environment, impatient, makeProvider, settle, watch } from "../support/provider.ts"

/** A line of its own in a log, a cleared screen, a window title, a text that runs backwards. */
const forged =
  "all is well\r\nlevel=INFO message=\"forged\"\u001b[2J\u001b]0;owned\u0007\u202Edlrow\u2028\u0085\u009b1m\u0000"

/** Nothing of a server may move the cursor, begin a line or turn the direction of a text. */
// oxlint-disable-next-line no-control-regex -- the search is for control characters
const raw = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

interface Row {
  readonly name: string
  readonly section: string
  readonly issuer?: "discover"
  readonly prepare: (
    network: TestServers.TestServers.Service["network"],
    text: string
  ) => Effect.Effect<void>
  /** The text is a header, which holds no line break: `fetch` refuses such a header. */
  readonly isHeader?: boolean
}

const resourceMetadata = (changes: (text: string) => Answer.JsonObject): Row["prepare"] => (network, text) =>
  network.always(
    ({ url }) => url === "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
    Answer.modified((json) => ({ ...json, ...changes(text) }))
  )

const issuerMetadata = (changes: (text: string) => Answer.JsonObject): Row["prepare"] => (network, text) =>
  network.always("authorization-server-metadata", Answer.modified((json) => ({ ...json, ...changes(text) })))

const token = (answer: (text: string) => Answer.Answer): Row["prepare"] => (network, text) =>
  network.always("token", answer(text))

const refusal = (body: (text: string) => Answer.JsonObject) => token((text) => Answer.json(body(text), { status: 400 }))

const rejected = (challenge: (text: string) => string): Row["prepare"] => (network, text) =>
  network.always(
    ({ endpoint, headers }) => endpoint === "resource" && headers["authorization"] !== undefined,
    Answer.status(401, { headers: { "www-authenticate": challenge(text) } })
  )

const rows: ReadonlyArray<Row> = [
  {
    name: "an issuer in the server's list",
    section: "RFC 8414 §2",
    issuer: "discover",
    prepare: resourceMetadata((text) => ({ authorization_servers: [`https://auth.example.com/${text}`] }))
  },
  {
    name: "the resource of the server's metadata",
    section: "RFC 9728 §2",
    prepare: resourceMetadata((text) => ({ resource: `https://mcp.example.com/${text}` }))
  },
  {
    name: "a scope of the server's metadata",
    section: "RFC 6749 §3.3",
    prepare: resourceMetadata((text) => ({ scopes_supported: [text] }))
  },
  {
    name: "the issuer of the authorization server's metadata",
    section: "RFC 8414 §3.3",
    prepare: issuerMetadata((text) => ({ issuer: `https://auth.example.com/${text}` }))
  },
  {
    name: "the token endpoint",
    section: "RFC 8414 §2",
    prepare: issuerMetadata((text) => ({ token_endpoint: `ftp://auth.example.com/${text}` }))
  },
  {
    name: "an error code of the token endpoint",
    section: "RFC 6749 §5.2",
    prepare: refusal((text) => ({ error: text }))
  },
  {
    name: "an error description of the token endpoint",
    section: "RFC 6749 §5.2",
    prepare: refusal((text) => ({ error: "invalid_scope", error_description: text }))
  },
  {
    name: "an error page of the token endpoint",
    section: "RFC 6749 §5.2",
    prepare: refusal((text) => ({ error: "invalid_scope", error_uri: `https://auth.example.com/${text}` }))
  },
  {
    name: "a problem document of the token endpoint",
    section: "RFC 6749 §5.2",
    prepare: refusal((text) => ({ title: text, detail: text }))
  },
  {
    name: "the plain text of a refusal",
    section: "RFC 6749 §5.2",
    prepare: token((text) => Answer.text(text, { status: 400 }))
  },
  {
    name: "the type of the token",
    section: "RFC 6749 §7.1",
    prepare: token((text) => Answer.json({ access_token: "x", token_type: text }))
  },
  {
    name: "the scope of the token",
    section: "RFC 6749 §5.1",
    prepare: token((text) => Answer.json({ access_token: "x", token_type: "Bearer", scope: text }))
  },
  {
    name: "the content type of the token answer",
    section: "RFC 9110 §8.3",
    isHeader: true,
    prepare: token((text) => Answer.text("x", { contentType: `text/${text}` }))
  },
  {
    name: "the target of a redirect of the token endpoint",
    section: "RFC 9110 §10.2.2",
    isHeader: true,
    prepare: token((text) => Answer.redirect(`https://evil.example/${text}`, 307))
  },
  {
    name: "the error description of a challenge",
    section: "RFC 6750 §3",
    isHeader: true,
    prepare: rejected((text) => `Bearer error="invalid_token", error_description="${text.replaceAll("\"", "'")}"`)
  },
  {
    name: "the error of a challenge",
    section: "RFC 6750 §3",
    isHeader: true,
    prepare: rejected((text) => `Bearer error="${text.replaceAll("\"", "'")}"`)
  },
  {
    name: "a challenge that cannot be read",
    section: "RFC 9110 §11.6.1",
    isHeader: true,
    prepare: rejected((text) => `Bearer ="${text}`)
  }
]

/** What `fetch` lets through in a header: bytes without NUL and line breaks. */
const asHeader = (text: string): string =>
  Array.from(text, (character) => character.charCodeAt(0) > 0xff ? "" : character).join("").replaceAll(/[\0\r\n]/g, "")

/** Everything that a caller, a log or an event shows of one call. */
const shown = (options: Parameters<typeof makeProvider>[0]) =>
  logging(LogLevel.All, (lines) =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const provider: OAuthProvider.OAuthProvider.Service = yield* makeProvider({ ...impatient, ...options })
      const events = yield* watch(provider)
      const client = OAuthHttpClient.authenticate(network.httpClient, provider)
      const result = yield* Effect.either(Effect.timeout(client.get(serverUrl), "1 minute"))
      const error = Either.isLeft(result) ? OAuthError.fromUnknown(result.left) : undefined
      yield* settle
      const seen = yield* events
      return [
        ...lines.flatMap(({ annotations, message }) => [message, ...Object.values(annotations).map(String)]),
        ...seen.flatMap((event) => "error" in event ? [event.error.message] : []),
        ...error?._tag === "Some" ? [error.value.message, inspect(error.value).replaceAll(/\n/g, " ")] : []
      ]
    }))

const environmentOf = environment()

describe("texts of a server that forge lines", () => {
  for (const { isHeader = false, issuer, name, prepare, section } of rows) {
    it.effect(`control characters in ${name} reach no log line, event or error (${section})`, () =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        yield* prepare(network, isHeader ? asHeader(forged) : forged)
        const texts = yield* shown(issuer === undefined ? {} : { issuer })
        expect(texts.filter((text) => raw.test(text) || text.includes("\n"))).toEqual([])
        assert.isAbove((yield* network.requests).length, 0)
      }).pipe(Effect.scoped, Effect.provide(environmentOf)))
  }
})

const form = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1)

const lowerEscapes = (text: string): string => text.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())

const base64 = (text: string): string => Buffer.from(text).toString("base64")

/** The ways in which a server may repeat a secret. The secret has characters that each encoding treats differently. */
/** A client id that is part of no other secret, of a JWT for example. The recorder would find it there. */
const echoed = "nightly-report"

const echoes: ReadonlyArray<readonly [name: string, echo: (secret: string) => string]> = [
  ["as it is", (secret) => secret],
  ["percent-encoded", encodeURIComponent],
  ["percent-encoded in lower case", (secret) => lowerEscapes(encodeURIComponent(secret))],
  ["encoded as in a form", form],
  [
    "escaped as in HTML",
    (secret) => secret.replaceAll("&", "&amp;").replaceAll("\"", "&quot;").replaceAll("<", "&lt;")
  ],
  [
    "escaped as in JSON",
    (secret) =>
      Array.from(secret, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")
  ],
  ["in base64", base64],
  ["in base64url", (secret) => Buffer.from(secret).toString("base64url")],
  ["as the credentials of Basic", (secret) => base64(`${echoed}:${form(secret)}`)],
  ["as credentials in reversed order", (secret) => base64(`${form(secret)}:${echoed}`)],
  ["cut after twelve characters", (secret) => secret.slice(0, 12)]
]

describe("texts of a server that repeat the client secret", () => {
  for (const [name, echo] of echoes) {
    it.effect(`an error description with the secret ${name} shows no part of it (RFC 6749 §5.2)`, () =>
      Effect.gen(function*() {
        const { clientSecret, network } = yield* TestServers.TestServers
        const text = echo(Redacted.value(clientSecret))
        const refused = Answer.json({ error: "invalid_client", error_description: `got ${text}.` }, { status: 401 })
        yield* network.always("token", refused)
        const texts = yield* shown({})
        expect(texts.length).toBeGreaterThan(0)
        expect(texts.some((one) => one.includes("invalid_client"))).toBe(true)
        // A boolean, since a failing comparison would show the secret.
        expect(texts.some((one) => one.includes(text))).toBe(false)
      }).pipe(
        Effect.scoped,
        Effect.provide(environment({ clientId: echoed, clientSecret: Redacted.make("Zq8~kV!s3\"cr3t+w/x=y&z%é<q") }))
      ))
  }
})
