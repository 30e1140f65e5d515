/**
 * Answers of a token endpoint that was taken over, or of something in front of it.
 */
import * as Effect from "effect/Effect"
import * as Answer from "../Answer.ts"
import * as Moves from "../internal/attacks/moves.ts"
import type { Evidence, ServerAttack } from "../ServerAttack.ts"

const redirects = ([301, 302, 303, 307, 308] as const).map((code): ServerAttack => ({
  name: `a ${code} leads the token request to another origin`,
  section: code === 307 ? "RFC 9700 §4.12" : `RFC 9110 §15.4.${code === 308 ? 9 : code - 299}`,
  prepare: Moves.tokenAnswer(Answer.redirect("https://evil.example/token", code)),
  onlyOrigins: Moves.trusted,
  verify: Moves.noToken
}))

/** Members of the answer that make it no bearer token. */
const members: ReadonlyArray<readonly [what: string, changes: Answer.JsonObject, section: string]> = [
  ["has the type mac", { token_type: "mac" }, "RFC 6749 §7.1"],
  ["has the type DPoP, for which the client has no key", { token_type: "DPoP" }, "RFC 6749 §7.1"],
  ["has the type N_A of a token exchange", { token_type: "N_A" }, "RFC 6749 §7.1"],
  ["has a type that is a list", { token_type: ["Bearer"] }, "RFC 6749 §5.1"],
  ["has no type", { token_type: undefined }, "RFC 6749 §5.1"],
  ["is missing", { access_token: undefined }, "RFC 6749 §5.1"],
  ["is empty", { access_token: "" }, "RFC 6749 §5.1"],
  ["is null", { access_token: null }, "RFC 6749 §5.1"],
  ["is an object", { access_token: { value: "x" } }, "RFC 6749 §5.1"],
  ["has a line break and a header behind it", { access_token: "x\r\nx-evil: 1" }, "RFC 9110 §5.5"],
  ["has a line feed", { access_token: "x\ny" }, "RFC 9110 §5.5"],
  ["has a NUL character", { access_token: "x\u0000y" }, "RFC 9110 §5.5"],
  ["has letters that no header may hold", { access_token: "tök€n" }, "RFC 6750 §2.1"],
  ["has spaces", { access_token: "a b" }, "RFC 6750 §2.1"],
  ["comes with an error", { error: "invalid_client" }, "RFC 6749 §5.2"]
]

const unusable = members.map(([what, changes, section]): ServerAttack => ({
  name: `the token that a 200 delivers ${what}`,
  section,
  prepare: Moves.tokenMembers(changes),
  verify: Moves.noToken
}))

const pages: ReadonlyArray<readonly [what: string, answer: Answer.Answer]> = [
  ["an HTML page of a proxy", Answer.html()],
  ["an empty body", Answer.status(200)],
  ["half of a token answer", Answer.truncated],
  ["a JSON text", Answer.json("token")],
  [
    "a token as a form",
    Answer.text("access_token=x&token_type=Bearer", { contentType: "application/x-www-form-urlencoded" })
  ],
  ["JSON of a hundred thousand levels", Answer.text("[".repeat(100_000), { contentType: "application/json" })]
]

const noAnswers = pages.map(([what, answer]): ServerAttack => ({
  name: `a 200 of the token endpoint is ${what}`,
  section: "RFC 6749 §5.1",
  prepare: Moves.tokenAnswer(answer),
  verify: Moves.noToken
}))

const refusal = (error: string, status = 400) => Answer.json({ error }, { status })

/** Final refusals: the same request again would be refused again. */
const refusals: ReadonlyArray<readonly [what: string, answer: Answer.Answer]> = [
  ["invalid_client", refusal("invalid_client", 401)],
  ["invalid_grant", refusal("invalid_grant")],
  ["unauthorized_client", refusal("unauthorized_client")],
  ["unsupported_grant_type", refusal("unsupported_grant_type")],
  ["a code of the attacker", refusal("try_again")],
  ["403 without a body", Answer.status(403)]
]

const refused = refusals.map(([what, answer]): ServerAttack => ({
  name: `the token endpoint refuses every request with ${what}, and five calls wait for a token`,
  section: "RFC 6749 §5.2",
  prepare: Moves.tokenAnswer(answer),
  calls: Moves.repeated(5),
  limits: { tokenRequests: 10 },
  verify: Moves.noToken
}))

const lifetimes: ReadonlyArray<readonly [what: string, value: unknown]> = [
  ["zero", 0],
  ["negative", -1],
  ["a text that is no number", "never"],
  ["beyond every date", 1e308],
  ["a fraction of a second", 0.001]
]

const shortLived = lifetimes.map(([what, value]): ServerAttack => ({
  name: `the lifetime of every token is ${what}, and five calls follow each other`,
  section: "RFC 6749 §5.1",
  prepare: Moves.tokenMembers({ expires_in: value }),
  calls: Moves.repeated(5),
  limits: { tokenRequests: 10 }
}))

const refreshToken = "r8Kx2Zq6Wv4Tp9Nj1Gm7Hb3"

const staysAtEndpoint = ({ requests, scene }: Evidence): string | undefined =>
  requests.every(({ body, headers, url }) =>
      url === scene.authorizationServer.tokenEndpoint ||
      ![body, url, ...Object.values(headers)].some((text) => text.includes(refreshToken))
    )
    ? undefined
    : "the refresh token was sent to another address than the token endpoint"

/** @internal */
export const tokenEndpoint: ReadonlyArray<ServerAttack> = [
  ...redirects,
  ...unusable,
  ...noAnswers,
  ...refused,
  ...shortLived,
  {
    name: "a 308 leads the token request to plain http",
    section: "RFC 6749 §3.2",
    prepare: Moves.tokenAnswer(Answer.redirect("http://auth.example.com/token", 308)),
    onlyOrigins: Moves.trusted
  },
  {
    name: "a 307 leads the token request to itself without end",
    section: "RFC 9110 §15.4",
    prepare: Moves.tokenAnswer(Answer.redirect("https://auth.example.com/token", 307)),
    limits: { tokenRequests: 6 }
  },
  {
    name: "the token endpoint has a query, into which the secret must not go",
    section: "RFC 6749 §2.3.1",
    servers: { authorizationServer: { tokenEndpoint: "https://auth.example.com/token?tenant=a" } },
    verify: ({ tokenRequests }) =>
      tokenRequests.every(({ url }) => url === "https://auth.example.com/token?tenant=a")
        ? undefined
        : "the query of the token endpoint has changed"
  },
  {
    name: "the token endpoint challenges the client with a metadata address of the attacker",
    section: "RFC 6749 §5.2",
    prepare: Moves.tokenAnswer(
      Answer.json({ error: "invalid_client" }, {
        status: 401,
        headers: { "www-authenticate": `Bearer resource_metadata="https://evil.example/resource", Basic realm="evil"` }
      })
    ),
    onlyOrigins: Moves.trusted
  },
  {
    name: "an error names a page of the attacker",
    section: "RFC 6749 §5.2",
    prepare: Moves.tokenAnswer(
      Answer.json({ error: "invalid_client", error_uri: "https://evil.example/page" }, { status: 401 })
    ),
    onlyOrigins: Moves.trusted
  },
  {
    name: "a token of a day is replaced by an answer that names another token endpoint",
    section: "RFC 6749 §5.1",
    prepare: Moves.tokenMembers({ token_endpoint: "https://evil.example/token", issuer: "https://evil.example" }),
    calls: Moves.thenAgain(({ authorizationServer }) => authorizationServer.revokeAll),
    onlyOrigins: Moves.trusted,
    verify: Moves.stillServed
  },
  {
    name: "a refresh token that nobody asked for is stolen by the MCP server",
    section: "RFC 6749 §10.4",
    prepare: Moves.tokenMembers({ refresh_token: refreshToken }),
    calls: Moves.thenAgain(
      Moves.all(({ authorizationServer }) => authorizationServer.revokeAll, () => Effect.sleep("2 hours"))
    ),
    limits: { duration: "1 day" },
    verify: staysAtEndpoint
  }
]
