/**
 * The clients of both lines of the official SDK under the attacks of `HostileServersContract`: a client that is not ours
 * can be tried, and `officialSdkVerdicts.ts` says what we found. A test fails as soon as a verdict changes.
 */
import { ClientUnderAttack, HostileServersContract } from "@effect-mcp-auth/testing"
import { assert, describe, it } from "@effect/vitest"
import * as V2 from "@modelcontextprotocol/client"
import { ClientCredentialsProvider as V1Provider } from "@modelcontextprotocol/sdk/client/auth-extensions.js"
import { withOAuth as withOAuthV1 } from "@modelcontextprotocol/sdk/client/middleware.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Verdicts from "./officialSdkVerdicts.ts"

const optionsOf = ({ clientId, clientSecret, issuer, scopes }: ClientUnderAttack.Setting) => ({
  clientId,
  clientSecret: Redacted.value(clientSecret),
  ...issuer === "discover" ? {} : { expectedIssuer: issuer },
  ...scopes === undefined ? {} : { scope: scopes.join(" ") }
})

const v1 = ClientUnderAttack.fromFetch((setting) => {
  const fetch = withOAuthV1(new V1Provider(optionsOf(setting)), setting.serverUrl)(setting.fetch)
  return (input, init) => fetch(input instanceof Request ? input.url : input, init)
}, { patience: "50 millis" })

const v2 = ClientUnderAttack.fromFetch((setting) => {
  const provider = new V2.ClientCredentialsProvider(optionsOf(setting))
  const fetch = V2.withOAuth(provider, setting.serverUrl)(setting.fetch)
  return (input, init) => fetch(input instanceof Request ? input.url : input, init)
}, { patience: "50 millis" })

/** The part of the message behind the name and the section of the case. */
const verdictOf = (message: string): string => message.slice(message.lastIndexOf("): ") + 3)

const lines = [
  ["@modelcontextprotocol/sdk 1", v1, { ...Verdicts.both, ...Verdicts.line1 }],
  ["@modelcontextprotocol/client 2", v2, { ...Verdicts.both, ...Verdicts.line2 }]
] as const

for (const [line, client, verdicts] of lines) {
  const known: Verdicts.Verdicts = verdicts
  describe(`the official SDK, ${line}`, () => {
    it("each known verdict is that of a case", () => {
      const names = new Set(HostileServersContract.cases.map(({ name }) => name))
      assert.deepStrictEqual(Object.keys(known).filter((name) => !names.has(name)), [])
    })

    for (const { check, family, name, section } of HostileServersContract.cases) {
      const expected = known[name]
      it.effect(`${expected === undefined ? "withstands" : "does not withstand"} ${family}: ${name} (${section})`, () =>
        Effect.gen(function*() {
          const result = yield* Effect.either(check(client))
          assert.strictEqual(Either.isLeft(result) ? verdictOf(result.left.message) : undefined, expected)
        }))
    }
  })
}
