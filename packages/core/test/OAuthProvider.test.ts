import type { ClientSecret } from "@effect-mcp-auth/client-secret"
import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Logger, TestClock } from "effect"
import { ClientAuthentication, DiscoveryCache, Grant, OAuthProvider, TokenStorage } from "../src/index.ts"
import { environment, impatient, layerProvider, makeProvider } from "./support/provider.ts"
import { sent } from "./support/wire.ts"

describe("make", () => {
  it.scoped("a provider can be made of any grant and any client authentication", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.make({
        serverUrl: "HTTPS://MCP.example.com:443",
        issuer: "discover",
        grant: Grant.clientCredentials,
        clientAuthentication: ClientAuthentication.none("public")
      })
      expect(provider.resource).toBe("https://mcp.example.com")
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(environment())))
})

describe("accessToken", () => {
  it.effect("is the token of the provider in the context", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      const token = yield* OAuthProvider.accessToken
      expect(token).toBe(yield* provider.accessToken)
    }).pipe(Effect.provide(layerProvider()), Effect.provide(environment())))
})

describe("the `resource` parameter of a token request", () => {
  const resourceSent = (resourceParameter: OAuthProvider.OAuthProvider.Options["resourceParameter"]) =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* Effect.flatMap(makeProvider({ resourceParameter, scopes: ["mcp"] }), ({ accessToken }) => accessToken)
      const [request] = yield* network.requestsTo("token")
      return new URLSearchParams(request?.body).get("resource")
    }).pipe(Effect.scoped, Effect.provide(environment()))

  it.effect.each(
    [
      [undefined, "https://mcp.example.com/mcp"],
      ["send", "https://mcp.example.com/mcp"],
      ["omit", null],
      [{ value: "https://api.example.com" }, "https://api.example.com"]
    ] as const
  )("with `resourceParameter` %j is %s", ([choice, expected]) =>
    Effect.gen(function*() {
      expect(yield* resourceSent(choice)).toBe(expected)
    }))
})

describe("the option `insecureHosts`", () => {
  const [issuer, serverUrl] = ["http://keycloak.auth.svc.cluster.local", "http://mcp.tools.svc.cluster.local:8080/mcp"]
  const hosts = ["keycloak.auth.svc.cluster.local", "mcp.tools.svc.cluster.local"]
  const servers = { issuer, serverUrl }
  const logged = () => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => lines.push(String(message)))
    return [lines, Logger.add(logger)] as const
  }

  it.scoped.each([issuer, "discover"])(
    "gets a token over plain http, with a warning for each host: issuer %s",
    (issuer) => {
      const [lines, layer] = logged()
      return Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeProvider({ issuer, insecureHosts: hosts })
        yield* provider.accessToken
        expect(yield* network.count("token")).toBe(1)
        const warnings = lines.filter((line) => line.includes("Plain http is used for"))
        expect(warnings.filter((line) => line.includes("http://keycloak.auth"))).toHaveLength(1)
        expect(warnings.filter((line) => line.includes("http://mcp.tools"))).toHaveLength(1)
      }).pipe(Effect.provide(environment(servers)), Effect.provide(layer))
    }
  )

  it.scoped.each(
    [
      [{ insecureHosts: [] }, "server"],
      [{ insecureHosts: hosts.slice(0, 1) }, "server"],
      [{ insecureHosts: hosts.slice(1) }, "issuer"],
      [{ insecureHosts: hosts, issuer: "http://auth.svc.cluster.local" }, "issuer"],
      [{ insecureHosts: hosts, tokenEndpoint: "http://evil.example/token" }, "token endpoint"],
      [
        { insecureHosts: hosts, authorizationServerMetadata: { issuer, token_endpoint: "http://evil.example/token" } },
        "token endpoint"
      ]
    ] as const
  )("permits no other host: %j", ([options, endpoint]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(makeProvider(options))
      expect(error).toMatchObject({ _tag: "InsecureEndpoint", reason: "NotHttps", endpoint })
    }).pipe(Effect.provide(environment(servers))))

  it.scoped("does not follow metadata to a host that was not named, and sends no secret there", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* network.serve("http://other.auth.svc.cluster.local", () => Effect.sync(() => new Response("{}")))
      const provider = yield* makeProvider({ ...impatient, insecureHosts: hosts })
      const document = Answer.json({ issuer, token_endpoint: "http://other.auth.svc.cluster.local/token" })
      yield* network.always(({ url }) => url.startsWith(`${issuer}/.well-known`), document)
      yield* Effect.flip(provider.accessToken)
      const redirect = Answer.redirect("http://other.auth.svc.cluster.local/.well-known/oauth-authorization-server")
      yield* network.always(({ url }) => url.startsWith(`${issuer}/.well-known`), redirect)
      yield* TestClock.adjust("10 seconds")
      yield* Effect.flip(provider.accessToken)
      expect(yield* network.count(({ url }) => url.startsWith("http://other."))).toBe(0)
    }).pipe(Effect.provide(environment(servers))))

  it.scoped("of one provider opens no host for another with the same cache", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const cache = yield* DiscoveryCache.make()
      const build = (options: Partial<ClientSecret.Options>) =>
        makeProvider({ ...impatient, ...options }).pipe(
          Effect.provideService(DiscoveryCache.DiscoveryCache, cache),
          // Each provider has a storage of its own, and so asks for a token of its own.
          Effect.provide(Layer.fresh(TokenStorage.layerMemory))
        )
      const document = Answer.json({
        issuer: "https://auth.example.com",
        token_endpoint: "http://auth.example.com/token"
      })
      yield* network.always(({ url }) => url.startsWith("https://auth.example.com/.well-known"), document)
      yield* network.always("token", Answer.json({ access_token: "t", token_type: "Bearer" }))
      const open = yield* build({ insecureHosts: ["auth.example.com"] })
      yield* network.serve("http://auth.example.com", () =>
        Effect.sync(() => Response.json({ access_token: "t", token_type: "Bearer" })))
      yield* open.accessToken
      const closed = yield* build({})
      expect(yield* Effect.flip(closed.accessToken)).toMatchObject({ _tag: "InsecureEndpoint", reason: "NotHttps" })
    }).pipe(Effect.provide(environment())))
})
