/**
 * The form encoding of ids, secrets and parameters (RFC 6749 appendix B) against the decoder of `oidc-provider`, which
 * receives real requests. It accepts printable ASCII in ids and secrets alone (RFC 6749 appendix A), so other characters
 * are decoded here by the same rules.
 */
import { ClientAuthentication, TokenEndpoint } from "@effect-mcp-auth/core"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import { parse } from "node:querystring"
import type { Adapter, ClientMetadata } from "oidc-provider"
import { Provider } from "oidc-provider"
import * as LoopbackServer from "../../src/servers/LoopbackServer.ts"

const grantType = "urn:example:echo"

/** The client that asks, and the parameters that arrived. */
interface Asked {
  client: ClientMetadata | undefined
  received: Readonly<Record<string, unknown>>
}

/** An authorization server with one client, whose grant answers nothing but notes what arrived. */
const start = (asked: Asked) =>
  LoopbackServer.make({
    name: "The authorization server",
    listener: (issuer) => {
      const nothing = () => Promise.resolve(undefined)
      const adapter = (model: string): Adapter => ({
        find: () => Promise.resolve(model === "Client" ? { ...asked.client } : undefined),
        findByUid: nothing,
        findByUserCode: nothing,
        destroy: nothing,
        upsert: nothing,
        consume: nothing,
        revokeByGrantId: nothing
      })
      const provider = new Provider(issuer, {
        adapter,
        cookies: { keys: ["a key for cookies, of which there are none"] },
        clientAuthMethods: ["client_secret_basic", "client_secret_post"],
        features: { devInteractions: { enabled: false } },
        responseTypes: []
      })
      provider.registerGrantType(grantType, (context) => {
        const { client, params } = context.oidc
        asked.received = { ...params, client_id: client?.clientId }
        context.body = { access_token: "canary", token_type: "Bearer" }
        return Promise.resolve()
      }, ["first", "second"])
      const answer = provider.callback()
      return (request, response) => void answer(request, response)
    }
  })

const context = (tokenEndpoint: string) => {
  const issuer = new URL(tokenEndpoint).origin
  return {
    authorizationServer: {
      issuer,
      tokenEndpoint: new URL(tokenEndpoint),
      metadata: { issuer, token_endpoint: tokenEndpoint }
    },
    resource: "https://mcp.example.com",
    resourceParameter: undefined,
    scopes: []
  }
}

/** Printable ASCII: `VSCHAR` of RFC 6749 appendix A. The characters that an encoder could get wrong are frequent. */
const visible = FastCheck.string({
  unit: FastCheck.oneof(
    FastCheck.constantFrom(..."+%:&= /?\"\\".split("")),
    FastCheck.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code))
  ),
  minLength: 1,
  maxLength: 30
})

/** Any text of Unicode. */
const unicode = FastCheck.string({ unit: "grapheme", minLength: 1, maxLength: 20 })

const methods = {
  client_secret_basic: ClientAuthentication.clientSecretBasic,
  client_secret_post: ClientAuthentication.clientSecretPost
}

describe("form encoding (RFC 6749 appendix B), decoded by oidc-provider", () => {
  it.scopedLive(
    "every printable id and secret, in the header or in the body, and every Unicode parameter arrives as it was sent",
    () =>
      Effect.gen(function*() {
        const asked: Asked = { client: undefined, received: {} }
        const { origin } = yield* start(asked)
        const client = yield* HttpClient.HttpClient
        const attempt = async (
          method: keyof typeof methods,
          clientId: string,
          secret: string,
          first: string,
          second: string
        ) => {
          asked.received = {}
          asked.client = {
            client_id: clientId,
            client_secret: secret,
            token_endpoint_auth_method: method,
            grant_types: [grantType],
            redirect_uris: [],
            response_types: []
          }
          const clientAuthentication = methods[method]({ clientId, clientSecret: Redacted.make(secret) })
          await Effect.runPromise(TokenEndpoint.send(client, {
            ...context(`${origin}/token`),
            clientAuthentication,
            form: { grant_type: grantType, first, second: Redacted.make(second) }
          }))
          const { client_id, first: receivedFirst, second: receivedSecond } = asked.received
          assert.deepStrictEqual([client_id, receivedFirst, receivedSecond], [clientId, first, second])
        }
        yield* Effect.promise(() =>
          FastCheck.assert(
            FastCheck.asyncProperty(
              FastCheck.constantFrom("client_secret_basic" as const, "client_secret_post" as const),
              visible,
              visible,
              unicode,
              unicode,
              attempt
            ),
            { numRuns: 100 }
          )
        )
      }).pipe(Effect.provide(FetchHttpClient.layer))
  )

  it.prop(
    "every Unicode id and secret: the header, decoded as RFC 6749 §2.3.1 says, has both, and so has the body",
    [unicode, unicode],
    ([clientId, secret]) =>
      Effect.runSync(Effect.gen(function*() {
        const options = { clientId, clientSecret: Redacted.make(secret) }
        const basic = yield* ClientAuthentication.clientSecretBasic(options).prove(context("https://auth.test/token"))
        const [scheme, encoded = ""] = Redacted.value(basic.authorization ?? Redacted.make("")).split(" ")
        const [id = "", password = "", ...rest] = Buffer.from(encoded, "base64").toString("utf8").split(":")
        assert.deepStrictEqual([scheme, decode(id), decode(password), rest], ["Basic", clientId, secret, []])
        const { parameters = {} } = yield* ClientAuthentication.clientSecretPost(options)
          .prove(context("https://auth.test/token"))
        const form = new URLSearchParams(
          Object.entries(parameters).map(([name, value]) => [
            name,
            typeof value === "string" ? value : Redacted.value(value)
          ])
        )
        assert.deepStrictEqual({ ...parse(form.toString()) }, { client_id: clientId, client_secret: secret })
      }))
  )
})

/** As `oidc-provider` decodes each half of the header. */
const decode = (text: string): string => decodeURIComponent(text.replaceAll("+", "%20"))
