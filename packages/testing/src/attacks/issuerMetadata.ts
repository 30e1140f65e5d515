/**
 * Metadata of an authorization server that must not be used: of another issuer, with an endpoint that must not get a
 * secret, or none at all.
 */
import * as Answer from "../Answer.ts"
import * as Moves from "../internal/attacks/moves.ts"
import type { ServerAttack } from "../ServerAttack.ts"

/** Values of `issuer` in the metadata of `https://auth.example.com`. */
const issuers: ReadonlyArray<readonly [what: string, issuer: unknown]> = [
  ["another issuer", "https://evil.example"],
  ["a tenant below the issuer", "https://auth.example.com/tenant"],
  ["the issuer in another case", "https://AUTH.example.com"],
  ["the issuer with its default port", "https://auth.example.com:443"],
  ["the issuer with a slash at its end", "https://auth.example.com/"],
  ["the issuer with two slashes at its end", "https://auth.example.com//"],
  ["the issuer with a query", "https://auth.example.com?x"],
  ["the issuer with a fragment", "https://auth.example.com#x"],
  ["the issuer with a dot at the end of its host", "https://auth.example.com."],
  ["the issuer with a look-alike letter", "https://аuth.example.com"],
  ["the issuer with a line break", "https://auth.example.com\n"],
  ["the issuer with a space before it", " https://auth.example.com"],
  ["the issuer by plain http", "http://auth.example.com"],
  ["a list with the issuer", ["https://auth.example.com"]],
  ["nothing", undefined]
]

const ofOthers = issuers.map(([what, issuer]): ServerAttack => ({
  name: `metadata whose issuer is ${what} names a hostile token endpoint`,
  section: "RFC 8414 §3.3",
  prepare: Moves.issuerMetadata({ issuer, token_endpoint: "https://evil.example/token" })
}))

/** Values of `token_endpoint` to which no secret may be sent. */
const endpoints: ReadonlyArray<readonly [what: string, endpoint: unknown, section: string]> = [
  ["has plain http", "http://auth.example.com/token", "RFC 6749 §3.2"],
  ["has the issuer as user name of another host", "https://auth.example.com@evil.example/token", "RFC 9110 §4.2.4"],
  ["has a user name and a password", "https://user:password@auth.example.com/token", "RFC 9110 §4.2.4"],
  ["has a fragment", "https://auth.example.com/token#x", "RFC 6749 §3.2"],
  ["has the scheme javascript", "javascript:alert(1)", "RFC 8414 §2"],
  ["has the scheme file", "file:///etc/passwd", "RFC 8414 §2"],
  ["has the scheme data", "data:application/json,{}", "RFC 8414 §2"],
  ["has the scheme ftp", "ftp://auth.example.com/token", "RFC 8414 §2"],
  ["has the scheme wss", "wss://auth.example.com/token", "RFC 8414 §2"],
  ["is a path", "/token", "RFC 8414 §2"],
  ["is another host without a scheme", "//evil.example/token", "RFC 8414 §2"],
  ["is a list", ["https://auth.example.com/token"], "RFC 8414 §2"],
  ["is empty", "", "RFC 8414 §2"],
  ["is null", null, "RFC 8414 §2"],
  ["is missing", undefined, "RFC 8414 §2"]
]

const withEndpoints = endpoints.map(([what, endpoint, section]): ServerAttack => ({
  name: `metadata has a token endpoint that ${what}`,
  section,
  prepare: Moves.issuerMetadata({ token_endpoint: endpoint }),
  verify: Moves.noTokenRequest
}))

/** Answers in place of the metadata. */
const answers: ReadonlyArray<readonly [what: string, answer: Answer.Answer, section: string]> = [
  ["is not found, and /token would be a guess", Answer.status(404), "RFC 8414 §3"],
  ["is an HTML page", Answer.html(), "RFC 8414 §3.2"],
  ["is a JSON array", Answer.json([]), "RFC 8414 §3.2"],
  [
    "has a status of 403",
    Answer.json({ token_endpoint: "https://evil.example/token" }, { status: 403 }),
    "RFC 8414 §3.2"
  ],
  ["is behind a redirect to another origin", Answer.redirect("https://evil.example/metadata"), "RFC 8414 §6.2"],
  ["is behind a redirect to plain http", Answer.redirect("http://auth.example.com/metadata"), "RFC 8414 §6.1"],
  [
    "is behind a redirect with a user name",
    Answer.redirect("https://user:password@auth.example.com/metadata"),
    "RFC 9110 §4.2.4"
  ]
]

const inPlace = answers.map(([what, answer, section]): ServerAttack => ({
  name: `the metadata of the authorization server ${what}`,
  section,
  prepare: Moves.issuerMetadataAnswer(answer),
  onlyOrigins: Moves.trusted,
  verify: Moves.noTokenRequest
}))

/** @internal */
export const issuerMetadata: ReadonlyArray<ServerAttack> = [...ofOthers, ...withEndpoints, ...inPlace]
