import type { Input } from "@effect-mcp-auth/tooling/growth"
import { type Form, json, repeated, texts, whole, words } from "@effect-mcp-auth/tooling/hostileTexts"
import { Effect, Encoding, Redacted } from "effect"
import { AccessToken } from "../../src/AccessToken.ts"
import * as Assertion from "../../src/Assertion.ts"
import { parse, parseEndpoint } from "../../src/authoring/SecureEndpoint.ts"
import * as TextOption from "../../src/authoring/TextOption.ts"
import * as AuthorizationServer from "../../src/AuthorizationServer.ts"
import { connectionFailure } from "../../src/internal/errors/connectionFailure.ts"
import { harmlessCause } from "../../src/internal/errors/harmlessCause.ts"
import { isMetBy } from "../../src/internal/lifecycle/demand.ts"
import { StepUps } from "../../src/internal/lifecycle/stepUps.ts"
import { readKey } from "../../src/internal/signing/readKey.ts"
import { readThumbprint } from "../../src/internal/signing/thumbprint.ts"
import { clean, quote, withoutBegun } from "../../src/internal/text/clean.ts"
import { covers, shown } from "../../src/internal/text/resource.ts"
import * as Scopes from "../../src/internal/text/scopeList.ts"
import * as Jwt from "../../src/Jwt.ts"
import * as ResourceIdentifier from "../../src/ResourceIdentifier.ts"
import * as TokenKey from "../../src/TokenKey.ts"

const issuer = "https://auth.example.com"
const server = new URL("https://mcp.example.com/mcp")

const tokenOf = (value: string, scopes: ReadonlyArray<string> = []): AccessToken =>
  new AccessToken({ value: Redacted.make(value), tokenType: "Bearer", scopes, issuer, issuedAt: 1, expiresAt: 2 })

// ---- scopes

const key: TokenKey.TokenKey = {
  issuer,
  clientId: "client",
  authenticationMethod: "client_secret_basic",
  grantType: "client_credentials",
  resource: server.href,
  subject: "",
  scopes: [],
  parameters: []
}

const scopeLists: ReadonlyArray<Input> = [
  {
    name: "scopes: as many held as wanted",
    prepare: (bytes) => {
      const held = words(bytes)
      const token = tokenOf("token", held)
      const wanted = held.map((scope) => `${scope}x`)
      return () => {
        const missing = Scopes.missing(wanted, held)
        isMetBy({ reason: "StepUp", wanted, missing }, token)
        Scopes.union(held, wanted)
        TokenKey.encode({ ...key, scopes: held })
      }
    }
  },
  {
    name: "scopes: a step-up of which every second one is granted",
    prepare: (bytes) => {
      const wanted = words(bytes)
      const granted = wanted.filter((_, index) => index % 2 === 0)
      return () => {
        const stepUps = new StepUps()
        stepUps.granted(wanted, granted)
        stepUps.refused(wanted)
        stepUps.isWorthTrying(wanted)
      }
    }
  }
]

// ---- JWTs and keys

const encode = (value: unknown): string => Encoding.encodeBase64Url(JSON.stringify(value))

const jwt = (claims: (bytes: number) => object): Form =>
  whole((bytes) => `${encode({ alg: "ES256" })}.${encode(claims(bytes * 0.7))}.${"A".repeat(86)}`)

const jwts: Readonly<Record<string, Form>> = {
  "dots": ".",
  "letters": "A",
  "audiences": jwt((bytes) => ({ aud: words(bytes), exp: 9_999_999_999 })),
  "audiences that are URLs": jwt((bytes) => ({ aud: words(bytes / 3).map((word) => `https://a.example/${word}`) })),
  "a long audience": jwt((bytes) => ({ aud: `https://${"a".repeat(bytes)}` })),
  "resources": jwt((bytes) => ({ aud: issuer, resource: words(bytes) })),
  "a long header": whole((bytes) => `${encode({ alg: "x".repeat(bytes * 0.7) })}.${encode({})}.AAAA`),
  "five long parts": whole((bytes) =>
    `${encode({ alg: "dir", enc: "A256GCM" })}..${"A.".repeat(2)}${"A".repeat(bytes)}`
  )
}

const readJwt = (text: string) => {
  Jwt.read(text)
  Jwt.isJws(text)
  Jwt.isJwe(text)
  Jwt.isUnsigned(text)
  Assertion.check(
    Redacted.make(text),
    { audience: issuer, issuer, tokenEndpoint: `${issuer}/token`, resource: server.href, scopes: [], refused: [] },
    { now: 1 }
  )
}

const keys: Readonly<Record<string, Form>> = {
  "beginnings of PEMs": "-----BEGIN ",
  "labels without an end": "-----BEGIN A ",
  "blocks": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
  "backslashes": "\\",
  "escaped line breaks": "-----BEGIN PRIVATE KEY-----\\\\n",
  "quotes": "\"",
  "letters": "A",
  "equals signs": whole((bytes) => `${"=".repeat(bytes)}A`),
  "white space": whole((bytes) => `A${" ".repeat(bytes)}A`),
  "zeros of DER": whole((bytes) =>
    Encoding.encodeBase64(new Uint8Array([0x30, 0x83, 0x10, 0, 0, ...new Uint8Array(bytes)]))
  ),
  "JSON": json((bytes) => ({ kty: "EC", ...Object.fromEntries(words(bytes / 2).map((name) => [name, ""])) })),
  "broken JSON": "{\\\""
}

// ---- texts in errors and logs

const secret = "canary+p%c:d/s xü"

const shownTexts: Readonly<Record<string, Form>> = {
  "letters": "a",
  "control characters": "\u0001a",
  "the secret": secret,
  "the beginning of the secret": "canary+p%25c",
  "percent signs": "%25",
  "backslashes": "\\u00",
  "the beginnings of JWTs": "eyJ",
  "codes": "invalid_client_",
  "queries": "https://a.example/?",
  "white space": whole((bytes) => `a${" ".repeat(bytes)}a`)
}

const readText = (text: string) => {
  const secrets = [secret, `${"a".repeat(300)}/`, "client"]
  clean(text, secrets)
  quote(text)
  shown(text)
  TextOption.quoteUrl(text)
  TextOption.check("option", text)
}

const urls: Readonly<Record<string, Form>> = {
  "slashes": whole((bytes) => `https://mcp.example.com${"/".repeat(bytes)}`),
  "dots": whole((bytes) => `https://mcp.example.com${repeated("/..", bytes)}`),
  "a long host": whole((bytes) => `https://${repeated("a.", bytes)}`),
  "at signs": whole((bytes) => `https://${"@".repeat(bytes)}`),
  "colons": whole((bytes) => `https:${":".repeat(bytes)}`),
  "questions": whole((bytes) => `https://mcp.example.com${"?".repeat(bytes)}`),
  "percent signs": whole((bytes) => `https://mcp.example.com/${"%".repeat(bytes)}`),
  "white space": whole((bytes) => `https://mcp.example.com/${" ".repeat(bytes)}x`)
}

const readUrl = (text: string) => {
  covers(text, server)
  shown(text)
  parse(text)
  parseEndpoint(text)
  const url = AuthorizationServer.parseIssuer(text)
  if (url !== undefined) AuthorizationServer.wellKnownUrls(url)
  AuthorizationServer.checkIssuer(text, server)
  ResourceIdentifier.fromServerUrl(text)
  AuthorizationServer.isSameIssuer(text, issuer)
}

// ---- errors of transports

const chainOf = (length: number): Error =>
  Array.from({ length }).reduce((cause: Error, _, index) => new Error(`error ${index}`, { cause }), new Error("first"))

const transportErrors: ReadonlyArray<Input> = [
  {
    name: "error of a transport: a long chain of causes",
    prepare: (bytes) => {
      const error = chainOf(bytes / 100)
      return () => [harmlessCause(error), connectionFailure(error, false)]
    }
  },
  {
    name: "error of a transport: many united errors",
    prepare: (bytes) => {
      const error = new AggregateError(Array.from({ length: bytes / 100 }, (_, index) => new Error(`error ${index}`)))
      return () => [harmlessCause(error), connectionFailure(error, false)]
    }
  },
  {
    name: "error of a transport: causes in a circle",
    prepare: (bytes) => {
      const error = chainOf(bytes / 100)
      error.cause = error
      return () => [harmlessCause(error), connectionFailure(error, false)]
    }
  },
  ...texts("error of a transport", { ...shownTexts, "addresses": "://a@" }, (text) => {
    const error = Object.assign(new Error(text), { code: text, hostname: text, data: text })
    harmlessCause(error)
    harmlessCause(text)
    connectionFailure(error, true)
  })
]

/** The texts that core reads and shows, wherever they come from. */
export const otherTexts: ReadonlyArray<Input> = [
  ...scopeLists,
  ...texts("JWT", jwts, readJwt),
  ...texts("signing key", keys, (text) => Effect.runPromise(Effect.either(readKey(Redacted.make(text), "ES256")))),
  ...texts(
    "thumbprint",
    { "pairs": "ab-", "equals signs": whole((bytes) => `${"=".repeat(bytes)}A`) },
    (text) => readThumbprint("x5t", text)
  ),
  ...texts("text in an error", shownTexts, readText),
  ...texts(
    "text that was cut",
    { "letters": "a", "the beginning of the secret": "canary+p%25c" },
    (text) => withoutBegun(text, [secret, `${"a".repeat(300)}/`])
  ),
  ...texts("secret in an error", { "letters": "a", "letters to encode": "a/" }, (text) => {
    clean("a text", [text])
    withoutBegun(text, [`${text}b`])
  }),
  ...texts("URL", urls, readUrl),
  ...transportErrors
]
