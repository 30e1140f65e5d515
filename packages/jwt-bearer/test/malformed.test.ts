/**
 * Malformed answers of an identity provider to the request for an ID-JAG (RFC 8693 §2.2.1). Each row states the reason
 * of the error, or that the ID-JAG is used. No answer is a defect, and no message has more than one line.
 */
import { type Assertion, ClientAuthentication } from "@effect-mcp-auth/core"
import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Encoding, Exit, Redacted, TestClock } from "effect"
import { IdJag } from "../src/index.ts"

const idp = "https://idp.example.com"
const issuer = "https://auth.example.com"
const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"

const request: Assertion.AssertionRequest = {
  audience: issuer,
  issuer,
  tokenEndpoint: `${issuer}/token`,
  resource: "https://mcp.example.com/mcp",
  scopes: ["read"],
  refused: []
}

const part = (value: unknown): string => Encoding.encodeBase64Url(JSON.stringify(value))

const jag = (claims: object = {}, header: object = {}): string =>
  `${part({ alg: "ES256", typ: "oauth-id-jag+jwt", ...header })}.${
    part({ aud: issuer, exp: 300, sub: "canary", ...claims })
  }.${Encoding.encodeBase64Url(new Uint8Array(64).fill(7))}`

const ANSWER = { access_token: jag(), issued_token_type: ID_JAG, token_type: "N_A", expires_in: 300 }

const answered = (changes: object): Answer.Answer => Answer.json({ ...ANSWER, ...changes })
const text = (body: string, status = 200): Answer.Answer =>
  Answer.text(body, { status, contentType: "application/json" })

const rows: ReadonlyArray<readonly [input: string, section: string, answer: Answer.Answer, outcome: string]> = [
  ["the answer of a good identity provider", "RFC 8693 §2.2.1", answered({}), "used"],
  ["an empty body", "RFC 8693 §2.2.1", text(""), "Unavailable"],
  ["null", "RFC 8693 §2.2.1", text("null"), "Unavailable"],
  ["an array", "RFC 8693 §2.2.1", text("[]"), "Unavailable"],
  ["broken JSON", "RFC 8259 §2", text("{"), "Unavailable"],
  ["the answer inside of `__proto__`", "RFC 8259 §4", text(`{"__proto__":${JSON.stringify(ANSWER)}}`), "Unavailable"],
  ["an HTML page", "RFC 8693 §2.2.1", Answer.html(), "Unavailable"],
  ["a body of 2 MiB", "RFC 9110 §8.6", text(" ".repeat(2 * 1024 * 1024)), "Refused"],
  ["an answer that never comes", "RFC 9110 §9.2", Answer.never, "Unavailable"],
  ["no `access_token`", "RFC 8693 §2.2.1", answered({ access_token: undefined }), "Unavailable"],
  ["an `access_token` that is a number", "RFC 8693 §2.2.1", answered({ access_token: 1 }), "Malformed"],
  ["an `access_token` that is no JWT", "RFC 8693 §2.2.1", answered({ access_token: "canary" }), "Malformed"],
  [
    "an `access_token` with a line break",
    "RFC 6749 appendix A.12",
    answered({ access_token: `${jag()}\n` }),
    "Malformed"
  ],
  ["no `issued_token_type`", "RFC 8693 §2.2.1", answered({ issued_token_type: undefined }), "Malformed"],
  [
    "an `issued_token_type` of an access token",
    "RFC 8693 §3",
    answered({ issued_token_type: "urn:ietf:params:oauth:token-type:access_token" }),
    "Malformed"
  ],
  [
    "an `issued_token_type` that is an array",
    "RFC 8693 §2.2.1",
    answered({ issued_token_type: [ID_JAG] }),
    "Malformed"
  ],
  ["a `token_type` of Bearer", "RFC 8693 §2.2.1", answered({ token_type: "Bearer" }), "Malformed"],
  ["a `token_type` that is null", "RFC 8693 §2.2.1", answered({ token_type: null }), "Malformed"],
  ["an `expires_in` that is a text of words", "RFC 6749 §5.1", answered({ expires_in: "soon" }), "Malformed"],
  ["an `expires_in` of minus one", "RFC 6749 §5.1", answered({ expires_in: -1 }), "Malformed"],
  ["an ID-JAG without a signature", "RFC 8725 §3.1", answered({ access_token: jag({}, { alg: "none" }) }), "Malformed"],
  ["an ID-JAG of another `typ`", "RFC 8725 §3.11", answered({ access_token: jag({}, { typ: "JWT" }) }), "Malformed"],
  [
    "an ID-JAG for another authorization server",
    "RFC 8725 §3.9",
    answered({ access_token: jag({ aud: "https://stranger.example.com" }) }),
    "WrongAudience"
  ],
  [
    "an ID-JAG for two authorization servers",
    "RFC 8725 §3.9",
    answered({ access_token: jag({ aud: [issuer, "https://stranger.example.com"] }) }),
    "used"
  ],
  [
    "an ID-JAG for another resource",
    "RFC 8707 §2",
    answered({ access_token: jag({ resource: "https://stranger.example.com" }) }),
    "Malformed"
  ],
  ["an ID-JAG that has expired", "RFC 7523 §3", answered({ access_token: jag({ exp: 0 }) }), "Expired"],
  [
    "an ID-JAG whose claims are no JSON",
    "RFC 7519 §7.2",
    answered({ access_token: `${part({ alg: "ES256" })}.e30x.AAAA` }),
    "Malformed"
  ],
  [
    "an error with line breaks",
    "CWE-117",
    text("{\"error\":\"invalid_grant\\nlevel=INFO\",\"error_description\":\"a\\u2028b\\u001b[2J\"}", 400),
    "Refused"
  ],
  ["a 401 without a body", "RFC 6749 §5.2", text("", 401), "Refused"],
  [
    "a redirect with the credentials",
    "RFC 9700 §4.12",
    Answer.redirect("https://stranger.example.com/token", 307),
    "Refused"
  ]
]

describe("a malformed answer of the identity provider", () => {
  for (const [input, section, answer, outcome] of rows) {
    it.scoped(`${input} (${section}) ends in: ${outcome}`, () =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        yield* network.register(idp, ({ url }) =>
          new URL(url).pathname === "/.well-known/oauth-authorization-server"
            ? {
              endpoint: "authorization-server-metadata",
              respond: Effect.sync(() => Response.json({ issuer: idp, token_endpoint: `${idp}/token` }))
            }
            : { endpoint: "token", respond: Effect.sync(() => new Response(null, { status: 404 })) })
        yield* network.always("token", answer)
        const provider = yield* IdJag.make({
          issuer: idp,
          clientAuthentication: ClientAuthentication.clientSecretBasic({
            clientId: "assistant",
            clientSecret: Redacted.make("canary-secret")
          }),
          subjectToken: Effect.succeed(Redacted.make("canary-subject"))
        })
        const fiber = yield* Effect.fork(Effect.either(provider(request)))
        for (let step = 0; step < 40 && fiber.unsafePoll() === null; step++) {
          yield* TestClock.adjust("15 seconds")
        }
        const exit = fiber.unsafePoll()
        if (exit === null || Exit.isFailure(exit)) {
          return yield* Effect.dieMessage("the source hangs, or answers with a defect")
        }
        const found = Either.match(exit.value, {
          onLeft: (error) => {
            expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
            expect(error.message.length).toBeLessThanOrEqual(1200)
            return error.reason
          },
          onRight: () => "used"
        })
        expect(found).toBe(outcome)
        const requests = yield* network.requests
        expect(requests.filter(({ url }) => !url.startsWith(`${idp}/`))).toEqual([])
      }).pipe(Effect.provide(TestNetwork.layer)))
  }
})
