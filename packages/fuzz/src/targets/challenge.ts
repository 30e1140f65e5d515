import * as Challenge from "@effect-mcp-auth/core/Challenge"
import { isDeepStrictEqual } from "node:util"
import * as Redacted from "effect/Redacted"
import { checkShown, isScopeToken } from "../support.ts"
import { holds } from "../Target.ts"
import type { Target } from "../Target.ts"

/** A challenge as RFC 9110 §11.6.1 writes it: every value in quotes, with its quotes and backslashes escaped. */
const print = ({ parameters, scheme, token68 }: Challenge.Challenge): string =>
  `${scheme}${token68 === undefined ? "" : ` ${token68}`}${
    [...parameters].map(([name, value], index) =>
      `${index === 0 && token68 === undefined ? " " : ", "}${name}="${value.replaceAll(/["\\]/g, "\\$&")}"`
    ).join("")
  }`

const token = /^[\w!#$%&'*+\-.^`|~]+$/

export const challenge: Target = {
  name: "challenge",
  input: "the value of a `WWW-Authenticate` header",
  seeds: [
    `Bearer`,
    `Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp", scope="a b"`,
    `Bearer error="insufficient_scope", scope="files:read files:write", error_description="say \\"please\\""`,
    `Basic realm="a, b", Bearer realm='x' error=invalid_token; DPoP algs="ES256 PS256"`,
    `Negotiate dG9rZW4=, Bearer: resource_metadata=https://mcp.example.com/meta?a=1,b scope=a:b`,
    `Bearer resource_metadata=\\"https://mcp.example.com/m\\", resource_metadata="https://other.example/m"`,
    `DPoP algs="ES256", error="use_dpop_nonce", Bearer realm= error="x"`
  ],
  dictionary: [
    "Bearer ",
    "DPoP ",
    "Basic ",
    "resource_metadata=",
    "scope=",
    "error=",
    "\\\"",
    "\"",
    ", ",
    "realm=\"\""
  ],
  run: (input) => {
    const challenges = Challenge.parse(input)
    for (const one of challenges) {
      holds(token.test(one.scheme) && one.scheme === one.scheme.toLowerCase(), "a scheme is no token in lower case")
      for (const name of one.parameters.keys()) {
        holds(token.test(name) && name === name.toLowerCase(), "a name is no token in lower case")
      }
      holds(Challenge.requiredScopes(one).every(isScopeToken), "a required scope has other characters")
      const hidden = Challenge.withoutToken(one, Redacted.make("insufficient_scope"))
      holds(![...hidden.parameters.values()].some((text) => text.includes("insufficient_scope")), "a token is left")
    }
    const printed = challenges.map(print).join(", ")
    holds(isDeepStrictEqual(Challenge.parse(printed), challenges), "printing and parsing changes a challenge")
    const all = Challenge.allFromHeader(input)
    const first = Challenge.fromHeader(input)
    holds((first === undefined) === (all.length === 0), "`fromHeader` and `allFromHeader` disagree")
    const unread = Challenge.unreadable(input)
    if (unread !== undefined) {
      checkShown("the unreadable header", unread)
      holds(unread.length <= 201, "the unreadable header is longer than 201 characters")
    }
  }
}
