/**
 * The clients of both lines of the official SDK under the attacks of `HostileServersContract`: a client that is not ours
 * can be tried, and the list below says what we found. A case of the list fails when the SDK withstands the attack.
 */
import { ClientUnderAttack, HostileServersContract } from "@effect-mcp-auth/testing"
import { assert, describe, it } from "@effect/vitest"
import * as V2 from "@modelcontextprotocol/client"
import { ClientCredentialsProvider as V1Provider } from "@modelcontextprotocol/sdk/client/auth-extensions.js"
import { withOAuth as withOAuthV1 } from "@modelcontextprotocol/sdk/client/middleware.js"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

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

for (const [line, client] of [["v1", v1], ["v2", v2]] as const) {
  describe(line, () => {
    it.effect("x", () =>
      Effect.gen(function*() {
        for (const { check, family, name } of HostileServersContract.cases) {
          const result = yield* Effect.either(check(client))
          if (result._tag === "Left") {
            process.stdout.write(`@@${line}\t${family}\t${name}\t${result.left.message.split("): ").at(-1)}\n`)
          }
        }
        assert.isTrue(true)
      }), 300_000)
  })
}
