import type { ClientSecret } from "@effect-mcp-auth/client-secret"
import { TestServers } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { Challenge } from "../src/index.ts"
import { environment, makeProvider } from "./support/provider.ts"

interface Row {
  readonly option: string
  readonly set: () => {
    readonly options: Partial<ClientSecret.Options>
    /** Changes the objects that the options hold. */
    readonly change: () => void
  }
}

const rows: ReadonlyArray<Row> = [
  {
    option: "serverUrl",
    set: () => {
      const serverUrl = new URL("https://mcp.example.com/mcp")
      return { options: { serverUrl }, change: () => serverUrl.host = "evil.example.net" }
    }
  },
  {
    option: "scopes",
    set: () => {
      const scopes = ["mcp"]
      return { options: { scopes }, change: () => scopes.push("admin") }
    }
  },
  {
    option: "stepUp",
    set: () => {
      const allow = ["read"]
      return { options: { scopes: ["mcp"], stepUp: { allow } }, change: () => allow.push("admin") }
    }
  },
  {
    option: "additionalParameters",
    set: () => {
      const additionalParameters = { audience: "a" }
      return { options: { additionalParameters }, change: () => additionalParameters.audience = "b" }
    }
  },
  {
    option: "resourceParameter",
    set: () => {
      const resourceParameter = { value: "https://mcp.example.com/mcp" }
      return { options: { resourceParameter }, change: () => resourceParameter.value = "https://mcp.example.com" }
    }
  },
  {
    option: "acceptedTokenTypes",
    set: () => {
      const acceptedTokenTypes = ["BearerToken"]
      return { options: { acceptedTokenTypes }, change: () => acceptedTokenTypes.push("N_A") }
    }
  },
  {
    option: "authorizationServerMetadata",
    set: () => {
      const authorizationServerMetadata = {
        issuer: "https://auth.example.com",
        token_endpoint: "https://auth.example.com/token",
        token_endpoint_auth_methods_supported: ["client_secret_basic"]
      }
      const change = () => {
        authorizationServerMetadata.token_endpoint = "https://evil.example.net/token"
        authorizationServerMetadata.token_endpoint_auth_methods_supported[0] = "client_secret_post"
      }
      return { options: { authorizationServerMetadata, tokenEndpointAuthMethod: "discover" }, change }
    }
  },
  {
    option: "resourceMetadataUrl",
    set: () => {
      const resourceMetadataUrl = new URL("https://mcp.example.com/.well-known/oauth-protected-resource/mcp")
      return { options: { resourceMetadataUrl }, change: () => resourceMetadataUrl.host = "evil.example.net" }
    }
  },
  {
    option: "insecureHosts",
    set: () => {
      const insecureHosts: Array<string> = []
      return { options: { insecureHosts }, change: () => insecureHosts.push("evil.example.net") }
    }
  },
  {
    option: "the object of all options",
    set: () => {
      const options: Partial<{ -readonly [K in keyof ClientSecret.Options]: ClientSecret.Options[K] }> = {
        scopes: ["mcp"]
      }
      const change = () => {
        options.issuer = "https://evil.example.net"
        options.tokenEndpoint = "https://evil.example.net/token"
        options.scopes = ["admin"]
        options.stepUp = "any"
      }
      return { options, change }
    }
  }
]

/** The requests of a provider that gets a token, steps up and renews. */
const requestsOf = (row: Row, isChanged: boolean) =>
  Effect.gen(function*() {
    const { network } = yield* TestServers.TestServers
    const { change, options } = row.set()
    const provider = yield* makeProvider(options)
    if (isChanged) change()
    const token = yield* provider.accessToken
    const challenge = Challenge.fromHeader(`Bearer error="insufficient_scope", scope="admin"`)
    const wide = yield* Effect.either(provider.renew(token, challenge))
    yield* Effect.either(provider.renew(Either.getOrElse(wide, () => token)))
    return (yield* network.requests).map((
      { body, headers, method, url }
    ) => [method, url, body, headers["authorization"]])
  }).pipe(Effect.provide(environment()))

describe("an option that its caller changes after the provider was made", () => {
  it.scoped.each(rows.map((row) => [row.option, row] as const))(
    "changes no request: %s",
    ([, row]) =>
      Effect.gen(function*() {
        const expected = yield* requestsOf(row, false)
        expect(expected.length).toBeGreaterThan(1)
        expect(yield* requestsOf(row, true)).toEqual(expected)
      })
  )
})
