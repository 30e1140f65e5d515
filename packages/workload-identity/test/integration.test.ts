/**
 * From the platform to the token: the assertion of a provider reaches an authorization server, which accepts it.
 */
import { TokenStorage } from "@effect-mcp-auth/core"
import { JwtBearer } from "@effect-mcp-auth/jwt-bearer"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import { Answer, TestServers, TokenRequest } from "@effect-mcp-auth/testing"
import { File, GitHubActions } from "@effect-mcp-auth/workload-identity"
import { FileSystem } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, TestClock } from "effect"
import { environment, issuer, json, jwt, request } from "./support.ts"

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

const variables = {
  ACTIONS_ID_TOKEN_REQUEST_URL: "https://run.actions.example/idtoken",
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: "request-canary-token"
}

/** An authorization server that accepts the assertions of `accepts`, as grants and as client assertions. */
const servers = (accepts: (assertion: string) => boolean) =>
  Layer.mergeAll(
    TestServers.layer({
      authorizationServer: {
        authMethods: ["private_key_jwt"],
        clients: [{ clientId: "octo" }],
        grants: {
          [JWT_BEARER]: ({ parameters }) =>
            accepts(parameters.get("assertion") ?? "")
              ? Effect.succeed({ subject: "octo", scopes: ["mcp"] })
              : TokenRequest.refuse("invalid_grant", "it is not one of GitHub's")
        },
        verifyClientAssertion: (assertion) =>
          accepts(assertion) ? Effect.succeed("octo") : TokenRequest.refuse("invalid_client", "unknown")
      }
    }),
    TokenStorage.layerMemory,
    environment(variables)
  )

/** GitHub's token service on the servers' network. It adds the tokens that it issues to `given`. */
const github = (given: Set<string>, options: { readonly jti?: boolean } = {}) =>
  Effect.gen(function*() {
    const { network } = yield* TestServers.TestServers
    const issue = issuer(options)
    yield* network.serve("https://run.actions.example", ({ url }) =>
      Effect.map(issue(new URL(url).searchParams.get("audience"), 3600), (value) => {
        given.add(value)
        return json({ value })
      }))
  })

describe("GitHub Actions, as the grant itself (RFC 7523 §2.1)", () => {
  it.scoped("gets a token", () => {
    const given = new Set<string>()
    return Effect.gen(function*() {
      yield* github(given)
      const { authorizationServer, network } = yield* TestServers.TestServers
      const provider = yield* JwtBearer.make({ serverUrl: "https://mcp.example.com/mcp" }).pipe(
        Effect.provide(GitHubActions.layer())
      )
      const token = yield* provider.accessToken
      expect((yield* authorizationServer.find(token.value))?.subject).toBe("octo")
      expect(given.size).toBe(1)
      // The same assertion gets another token.
      yield* provider.renew(token)
      expect(given.size).toBe(1)
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(servers((assertion) => given.has(assertion))))
  })

  it.scoped("presents each assertion once to an authorization server that accepts each jti once", () => {
    const given = new Set<string>()
    const seen = new Set<string>()
    const takesOnce = (assertion: string) => {
      if (seen.has(assertion)) return false
      seen.add(assertion)
      return true
    }
    return Effect.gen(function*() {
      yield* github(given, { jti: true })
      const { network } = yield* TestServers.TestServers
      const provider = yield* JwtBearer.make({ serverUrl: "https://mcp.example.com/mcp" }).pipe(
        Effect.provide(GitHubActions.layer())
      )
      const token = yield* provider.accessToken
      yield* network.script("token", Answer.truncated)
      const renewing = yield* Effect.fork(provider.renew(token))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(renewing)
      expect([given.size, yield* network.count("token")]).toEqual([3, 3])
    }).pipe(Effect.provide(servers(takesOnce)))
  })

  it.scoped("presents a refused assertion once", () => {
    const given = new Set<string>()
    const [refused, accepted] = [new Set<string>(), new Set<string>()]
    const accepts = (assertion: string) => {
      const isFirst = refused.size === 0
      assert(!refused.has(assertion))
      ;(isFirst ? refused : accepted).add(assertion)
      return !isFirst
    }
    return Effect.gen(function*() {
      yield* github(given)
      const provider = yield* JwtBearer.make({ serverUrl: "https://mcp.example.com/mcp" }).pipe(
        Effect.provide(GitHubActions.layer())
      )
      const error = yield* Effect.flip(provider.accessToken)
      assert(error._tag === "TokenEndpointError")
      expect(error.code).toBe("invalid_grant")
      // The assertion would have been valid for longer than core remembers the refusal.
      yield* TestClock.adjust("30 minutes")
      yield* provider.accessToken
      expect([refused.size, accepted.size, given.size]).toEqual([1, 1, 2])
    }).pipe(Effect.provide(servers(accepts)))
  })
})

describe("a rotating file, as the client's assertion (RFC 7523 §2.2)", () => {
  const written = (audience: string) => jwt({ aud: audience, exp: 3600 })

  const disk = (content: string) =>
    FileSystem.layerNoop({
      stat: () =>
        Effect.succeed<FileSystem.File.Info>({
          type: "File",
          mtime: Option.some(new Date(0)),
          atime: Option.none(),
          birthtime: Option.none(),
          dev: 1,
          ino: Option.none(),
          mode: 0o644,
          nlink: Option.none(),
          uid: Option.none(),
          gid: Option.none(),
          rdev: Option.none(),
          size: FileSystem.Size(content.length),
          blksize: Option.none(),
          blocks: Option.none()
        }),
      readFile: () => Effect.succeed(new TextEncoder().encode(content))
    })

  const options: PrivateKeyJwt.Options = { serverUrl: "https://mcp.example.com/mcp", clientId: "octo" }

  it.scoped("gets a token", () =>
    Effect.gen(function*() {
      const { authorizationServer } = yield* TestServers.TestServers
      const provider = yield* PrivateKeyJwt.make(options).pipe(
        Effect.provide(File.layer({ path: "/var/run/secrets/tokens/mcp" })),
        Effect.provide(disk(written(request.audience)))
      )
      const { value } = yield* provider.accessToken
      expect((yield* authorizationServer.find(value))?.clientId).toBe("octo")
    }).pipe(Effect.provide(servers((assertion) => assertion === written(request.audience)))))

  it.scoped("with another audience is not sent", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* PrivateKeyJwt.make(options).pipe(
        Effect.provide(File.layer({ path: "/var/run/secrets/kubernetes.io/serviceaccount/token" })),
        Effect.provide(disk(written("https://kubernetes.default.svc")))
      )
      const error = yield* Effect.flip(provider.accessToken)
      assert(error._tag === "AssertionError")
      expect(error.reason).toBe("WrongAudience")
      expect(yield* network.count("token")).toBe(0)
    }).pipe(Effect.provide(servers(() => true))))
})
