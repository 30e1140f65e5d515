import type { TestAuthorizationServer } from "@effect-mcp-auth/testing"
import { Answer, TestServers, TokenRequest } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Redacted, TestClock } from "effect"
import { inspect } from "node:util"
import type { ScopeSelection, TokenKey } from "../../../src/index.ts"
import { AccessToken, Challenge, ClientAuthentication, Grant, OAuthProvider, TokenStorage } from "../../../src/index.ts"
import { environment, impatient, makeProvider, many, outcomes, tags, valueOf, watch } from "../../support/provider.ts"

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

/** A server that issues a new refresh token with each response, always the same one, or none. */
const server = (kind: "replaced" | "kept" | "none") => {
  const valid = new Set<string>()
  let count = 0
  let isIssuing = kind !== "none"
  const issue = () => {
    const token = `canary-refresh-${++count}`
    valid.add(token)
    return { refresh_token: token }
  }
  const scopes = ["mcp", "admin"]
  const grants: Readonly<Record<string, TestAuthorizationServer.Grant>> = {
    [JWT_BEARER]: ({ parameters }) =>
      parameters.get("assertion") === "canary-assertion"
        ? Effect.sync(() => ({ subject: "user", scopes, answer: isIssuing ? issue() : {} }))
        : TokenRequest.refuse("invalid_grant", "not this assertion"),
    refresh_token: ({ parameters }) => {
      const token = parameters.get("refresh_token") ?? ""
      if (!valid.has(token)) return TokenRequest.refuse("invalid_grant", "not this refresh token")
      if (kind === "kept") return Effect.succeed({ subject: "user", scopes })
      valid.delete(token)
      return Effect.sync(() => ({ subject: "user", scopes, answer: issue() }))
    }
  }
  /** No later response has a refresh token. */
  const stop = Effect.sync(() => {
    isIssuing = false
  })
  return { revoke: Effect.sync(() => valid.clear()), stop, layer: environment({ authorizationServer: { grants } }) }
}

/** A provider whose source has so many assertions that the server accepts. */
const makeBearer = (
  options: {
    readonly assertions?: number
    readonly scopes?: ReadonlyArray<string>
    readonly stepUp?: ScopeSelection.StepUp
  } = {}
) =>
  Effect.gen(function*() {
    const { issuer, serverUrl } = yield* TestServers.TestServers
    let left = options.assertions ?? Infinity
    return yield* OAuthProvider.make({
      serverUrl,
      issuer,
      scopes: options.scopes ?? ["mcp"],
      stepUp: options.stepUp,
      grant: Grant.jwtBearer({
        assertionProvider: () => Effect.sync(() => Redacted.make(left-- > 0 ? "canary-assertion" : "canary-used"))
      }),
      clientAuthentication: ClientAuthentication.anonymous
    })
  })

const forms = Effect.flatMap(
  TestServers.TestServers,
  ({ network }) =>
    Effect.map(
      network.requestsTo("token"),
      (requests) => requests.map(({ body }) => Object.fromEntries(new URLSearchParams(body)))
    )
)

/** The grant of each token request, or the refresh token that it presented. */
const asked = Effect.map(
  forms,
  (all) => all.map(({ grant_type: type, refresh_token: token }) => type === JWT_BEARER ? "grant" : token ?? type)
)

/** Passes the expiry of a token. Before that, a token that was used is renewed once in the background. */
const expire = TestClock.adjust("1 hour")

const insufficient = (scope: string) => Challenge.parse(`Bearer error="insufficient_scope", scope="${scope}"`)[0]

describe("a refresh token renews in place of the grant (RFC 6749 §6)", () => {
  const replaced = server("replaced")
  it.scoped("a new refresh token replaces the one before", () =>
    Effect.gen(function*() {
      const provider = yield* makeBearer({ assertions: 1 })
      const seen = yield* watch(provider)
      const values = new Set([valueOf(yield* provider.accessToken)])
      for (let i = 0; i < 3; i++) {
        yield* expire
        values.add(valueOf(yield* provider.accessToken))
      }
      expect(values.size).toBe(4)
      expect(yield* asked).toEqual(["grant", "canary-refresh-1", "canary-refresh-2", "canary-refresh-3"])
      expect(tags(yield* seen)).toEqual(["TokenObtained", "TokenRenewed", "TokenRenewed", "TokenRenewed"])
    }).pipe(Effect.provide(replaced.layer)))

  it.scoped("a refresh request carries no parameter of the grant", () =>
    Effect.gen(function*() {
      const provider = yield* makeBearer()
      yield* provider.accessToken
      yield* expire
      yield* provider.accessToken
      assert.deepStrictEqual((yield* forms)[1], {
        grant_type: "refresh_token",
        scope: "mcp",
        resource: "https://mcp.example.com/mcp",
        refresh_token: "canary-refresh-1"
      })
    }).pipe(Effect.provide(server("replaced").layer)))

  it.scoped("a refresh response without a refresh token keeps the old one", () =>
    Effect.gen(function*() {
      const provider = yield* makeBearer({ assertions: 1 })
      yield* provider.accessToken
      for (let i = 0; i < 3; i++) {
        yield* expire
        const { refreshToken } = yield* provider.accessToken
        expect(refreshToken === undefined ? undefined : Redacted.value(refreshToken)).toBe("canary-refresh-1")
      }
      expect(yield* asked).toEqual(["grant", "canary-refresh-1", "canary-refresh-1", "canary-refresh-1"])
    }).pipe(Effect.provide(server("kept").layer)))

  it.scoped("a token without a refresh token is renewed by the grant", () =>
    Effect.gen(function*() {
      const provider = yield* makeBearer()
      yield* provider.accessToken
      yield* expire
      yield* provider.accessToken
      expect(yield* asked).toEqual(["grant", "grant"])
    }).pipe(Effect.provide(server("none").layer)))

  it.scoped("the background renewal presents the refresh token", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeBearer({ assertions: 1 })
      yield* provider.accessToken
      yield* provider.accessToken
      yield* TestClock.adjust("58 minutes")
      yield* network.awaitRequests("token", 2)
      expect(yield* asked).toEqual(["grant", "canary-refresh-1"])
    }).pipe(Effect.provide(server("replaced").layer)))

  it.scoped("a token that the server rejects is replaced by the refresh token", () =>
    Effect.gen(function*() {
      const provider = yield* makeBearer({ assertions: 1 })
      const first = yield* provider.accessToken
      const second = yield* provider.renew(first)
      expect(valueOf(second)).not.toBe(valueOf(first))
      expect(yield* asked).toEqual(["grant", "canary-refresh-1"])
    }).pipe(Effect.provide(server("replaced").layer)))

  it.scoped("200 callers share one refresh request", () =>
    Effect.gen(function*() {
      const provider = yield* makeBearer({ assertions: 1 })
      yield* provider.accessToken
      yield* expire
      const exits = yield* outcomes(yield* many(200, provider.accessToken))
      expect(exits.every(Exit.isSuccess)).toBe(true)
      expect(yield* asked).toEqual(["grant", "canary-refresh-1"])
    }).pipe(Effect.provide(server("replaced").layer)))

  const shared = server("replaced")
  it.scoped("another provider presents the refresh token that it reads from the storage", () =>
    Effect.gen(function*() {
      const [first, second] = [yield* makeBearer({ assertions: 1 }), yield* makeBearer({ assertions: 0 })]
      yield* first.accessToken
      yield* second.accessToken
      yield* expire
      yield* second.accessToken
      expect(yield* asked).toEqual(["grant", "canary-refresh-1"])
    }).pipe(Effect.provide(shared.layer)))

  const outliving = server("replaced")
  it.scoped("a later process presents the refresh token of an expired token in the storage", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.flatMap(makeBearer(), ({ accessToken }) => accessToken))
      yield* TestClock.adjust("1 day")
      yield* Effect.scoped(Effect.flatMap(makeBearer({ assertions: 0 }), ({ accessToken }) => accessToken))
      expect(yield* asked).toEqual(["grant", "canary-refresh-1"])
    }).pipe(Effect.provide(outliving.layer)))

  const rotated = server("replaced")
  it.scoped("the latest refresh token of the storage is presented if another process has used the one in memory", () =>
    Effect.gen(function*() {
      const provider = yield* makeBearer()
      yield* provider.accessToken
      // The provider has renewed the token once in the background.
      yield* TestClock.adjust("1 day")
      yield* Effect.scoped(Effect.flatMap(makeBearer(), ({ accessToken }) => accessToken))
      yield* TestClock.adjust("1 day")
      yield* provider.accessToken
      expect(yield* asked).toEqual(["grant", "canary-refresh-1", "canary-refresh-2", "canary-refresh-3"])
    }).pipe(Effect.provide(rotated.layer)))

  const moved = server("replaced")
  it.scoped("a refresh token is not sent to another authorization server than the one that issued it", () =>
    Effect.gen(function*() {
      const storage = yield* TokenStorage.TokenStorage
      const keys: Array<readonly [TokenKey.TokenKey, AccessToken.AccessToken]> = []
      const watched = {
        ...storage,
        set: (key: TokenKey.TokenKey, token: AccessToken.AccessToken) => {
          keys.push([key, token])
          return storage.set(key, token)
        }
      }
      const use = Effect.scoped(Effect.flatMap(makeBearer(), ({ accessToken }) => accessToken))
      yield* Effect.provideService(use, TokenStorage.TokenStorage, watched)
      yield* TestClock.adjust("1 day")
      const [kept] = keys
      assert(kept !== undefined)
      const [key, { expiresAt, issuedAt, refreshToken, scopes, tokenType, value }] = kept
      const issuer = "https://elsewhere.example.com"
      assert(refreshToken !== undefined)
      yield* storage.set(
        key,
        new AccessToken.AccessToken({ value, tokenType, scopes, issuer, issuedAt, expiresAt, refreshToken })
      )
      yield* use
      expect(yield* asked).toEqual(["grant", "grant"])
    }).pipe(Effect.provide(moved.layer)))
})

describe("a refresh token that is refused", () => {
  const revoking = server("replaced")
  it.scoped("after invalid_grant for a refresh token the grant is sent once, and its refresh token is used next", () =>
    Effect.gen(function*() {
      const provider = yield* makeBearer({ assertions: 2 })
      const first = yield* provider.accessToken
      yield* revoking.revoke
      yield* provider.renew(first)
      expect(yield* asked).toEqual(["grant", "canary-refresh-1", "grant"])
      yield* expire
      yield* provider.accessToken
      expect(yield* asked).toEqual(["grant", "canary-refresh-1", "grant", "canary-refresh-2"])
    }).pipe(Effect.provide(revoking.layer)))

  const gone = server("replaced")
  it.scoped("if the grant is refused as well, all callers get its error, after two requests", () =>
    Effect.gen(function*() {
      const provider = yield* makeBearer({ assertions: 1 })
      const first = yield* provider.accessToken
      yield* gone.revoke
      const fibers = yield* many(200, Effect.flip(provider.renew(first)))
      for (const error of [...(yield* Effect.forEach(fibers, Fiber.join)), yield* Effect.flip(provider.accessToken)]) {
        assert(error._tag === "TokenEndpointError")
        expect(error.code).toBe("invalid_grant")
        expect(error.message).toContain("not this assertion")
      }
      expect(yield* asked).toEqual(["grant", "canary-refresh-1", "grant"])
    }).pipe(Effect.provide(gone.layer)))

  it.scoped.each([
    "invalid_client",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_target"
  ])(
    "%s for a refresh token is final: the grant is not sent (RFC 6749 §5.2)",
    (code) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeBearer()
        const first = yield* provider.accessToken
        yield* network.script("token", Answer.json({ error: code }, { status: 400 }))
        const error = yield* Effect.flip(provider.renew(first))
        assert(error._tag === "TokenEndpointError")
        expect(error.code).toBe(code)
        expect(yield* asked).toEqual(["grant", "canary-refresh-1"])
      }).pipe(Effect.provide(server("replaced").layer))
  )

  it.scoped.each([["a 503", Answer.status(503)], ["a broken connection", Answer.dropped]] as const)(
    "after %s the refresh token is presented again",
    ([_, answer]) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeBearer({ assertions: 1 })
        yield* provider.accessToken
        yield* network.script("token", answer)
        yield* expire
        yield* provider.accessToken
        expect(yield* asked).toEqual(["grant", "canary-refresh-1", "canary-refresh-1"])
      }).pipe(Effect.provide(server("replaced").layer))
  )

  it.scoped("a refresh token that the server repeats does not appear in the error", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeBearer()
      const seen = yield* watch(provider)
      const token = yield* provider.accessToken
      const answer = { error: "invalid_client", error_description: "canary-refresh-1 is not yours" }
      yield* network.script("token", Answer.json(answer, { status: 401 }))
      const error = yield* Effect.flip(provider.renew(token))
      expect(error.message).toContain("<redacted> is not yours")
      for (const shown of [token, yield* seen, error]) {
        expect(JSON.stringify(shown)).not.toContain("canary")
        expect(inspect(shown, { depth: 9 })).not.toContain("canary")
      }
    }).pipe(Effect.provide(server("replaced").layer)))
})

describe("the scopes of a refresh (RFC 6749 §6)", () => {
  /** A server that grants `mcp` only, and refuses a refresh for more. */
  const narrow = () => {
    const grants: Readonly<Record<string, TestAuthorizationServer.Grant>> = {
      [JWT_BEARER]: () =>
        Effect.succeed({ subject: "user", scopes: ["mcp", "admin"], answer: { refresh_token: "r1" } }),
      refresh_token: () => Effect.succeed({ subject: "user", scopes: ["mcp"], answer: { refresh_token: "r1" } })
    }
    return environment({ authorizationServer: { grants } })
  }
  const scopesAsked = Effect.map(forms, (all) => all.map(({ scope }) => scope))

  it.scoped("a refresh asks for the scopes that were granted, and not for those that were requested", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* network.script("token", Answer.modified((json) => ({ ...json, scope: "mcp" })))
      const provider = yield* makeBearer({ scopes: ["mcp", "admin"], assertions: 1 })
      yield* provider.accessToken
      for (let i = 0; i < 3; i++) {
        yield* expire
        expect((yield* provider.accessToken).scopes).toEqual(["mcp"])
      }
      expect(yield* scopesAsked).toEqual(["mcp admin", "mcp", "mcp", "mcp"])
    }).pipe(Effect.provide(narrow())))

  it.scoped("a refresh of a token without scopes has no `scope` parameter", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* network.script("token", Answer.modified((json) => ({ ...json, scope: "" })))
      const provider = yield* makeBearer({ assertions: 1 })
      yield* provider.accessToken
      yield* expire
      yield* provider.accessToken
      expect(yield* scopesAsked).toEqual(["mcp", undefined])
    }).pipe(Effect.provide(narrow())))

  it.scoped("after invalid_scope for a refresh the grant is sent once, and that refresh token is not presented again", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeBearer({ scopes: ["mcp", "admin"] })
      yield* provider.accessToken
      yield* expire
      expect((yield* provider.accessToken).scopes).toEqual(["mcp", "admin"])
      expect(yield* asked).toEqual(["grant", "r1", "grant"])
      yield* network.clear
      yield* expire
      yield* provider.accessToken
      expect(yield* asked).toEqual(["grant"])
    }).pipe(Effect.provide(narrow())))

  it.scoped("a temporary invalid_scope for a refresh does not use up the refresh token", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeBearer({ assertions: 1 })
      yield* provider.accessToken
      yield* network.script("token", Answer.json({ error: "invalid_scope" }, { status: 503 }))
      yield* expire
      const renewing = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(renewing)
      expect(yield* asked).toEqual(["grant", "canary-refresh-1", "canary-refresh-1"])
    }).pipe(Effect.provide(server("replaced").layer)))
})

describe("invalid_scope without configured scopes", () => {
  const askedFor = Effect.map(
    Effect.flatMap(TestServers.TestServers, ({ network }) => network.requestsTo("token")),
    (all) => all.map(({ body }) => new URLSearchParams(body).get("scope"))
  )
  const metadata = { scopes_supported: ["mcp", "admin", "root"] }

  it.scoped("the server is asked for its challenge once, and renewals begin with the accepted scopes", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      expect((yield* provider.accessToken).scopes).toEqual(["mcp"])
      yield* TestClock.adjust("1 hour")
      yield* provider.accessToken
      expect(yield* askedFor).toEqual(["mcp admin root", "mcp", "mcp"])
      expect(yield* network.count("resource")).toBe(1)
    }).pipe(Effect.provide(environment({ mcpServer: { metadata } }))))

  it.scoped("a first call makes no request of its own to the server if nothing is refused", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* Effect.flatMap(makeProvider(), ({ accessToken }) => accessToken)
      expect(yield* network.count("resource")).toBe(0)
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(environment())))
})

describe("a step-up whose union is refused", () => {
  /** Grants `admin` or `root`, and not both at once. */
  const exclusive: Readonly<Record<string, TestAuthorizationServer.Grant>> = {
    client_credentials: ({ parameters }) => {
      const scope = parameters.get("scope") ?? ""
      return scope.includes("admin") && scope.includes("root")
        ? TokenRequest.refuse("invalid_scope", "not both")
        : Effect.succeed({ subject: "user", scopes: ["mcp", "admin", "root"] })
    }
  }

  it.scoped("the configured and the challenge's scopes are requested once more, and calls between both do not loop", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const admin = yield* provider.renew(yield* provider.accessToken, insufficient("admin"))
      const root = yield* provider.renew(admin, insufficient("root"))
      expect(root.scopes).toEqual(["mcp", "root"])
      // The scope that was lost is not requested again in the life of this token.
      expect(yield* provider.renew(root, insufficient("admin"))).toBe(root)
      expect(yield* provider.accessToken).toBe(root)
      expect((yield* network.requestsTo("token")).map(({ body }) => new URLSearchParams(body).get("scope"))).toEqual([
        "mcp",
        "mcp admin",
        "mcp admin root",
        "mcp root"
      ])
    }).pipe(Effect.provide(environment({ authorizationServer: { grants: exclusive } }))))
})

describe("scopes between commas (GitHub)", () => {
  it.scoped("a step-up asks for each scope, and never for the list as one scope", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* network.always(
        "token",
        Answer.modified((json) => ({ ...json, scope: String(json["scope"]).replaceAll(" ", ",") }))
      )
      const provider = yield* makeProvider({ scopes: ["mcp", "admin"], stepUp: "any" })
      const token = yield* provider.accessToken
      expect(token.scopes).toEqual(["mcp", "admin"])
      expect((yield* provider.renew(token, insufficient("gist"))).scopes).toEqual(["mcp", "admin", "gist"])
      expect((yield* network.requestsTo("token")).map(({ body }) => new URLSearchParams(body).get("scope"))).toEqual([
        "mcp admin",
        "mcp admin gist"
      ])
    }).pipe(Effect.provide(environment({ scopes: ["mcp", "admin", "gist"] }))))
})

describe("a token endpoint that is gone", () => {
  it.scoped.each([404, 410])(
    "after %i callers get that error if no metadata says where the endpoint is now",
    (status) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeProvider({ ...impatient })
        const token = yield* provider.accessToken
        yield* network.always("token", Answer.status(status))
        yield* network.always("authorization-server-metadata", Answer.status(503))
        yield* network.always("protected-resource-metadata", Answer.status(503))
        yield* network.clear
        yield* TestClock.setTime(token.expiresAt)
        expect(yield* Effect.flip(provider.accessToken)).toMatchObject({ _tag: "TokenEndpointError", status })
        expect(yield* network.count("authorization-server-metadata")).toBeGreaterThan(0)
      }).pipe(Effect.provide(environment()))
  )
})

describe("a success without a token", () => {
  const strange: ReadonlyArray<readonly [what: string, answer: Answer.Answer]> = [
    ["a proxy's page", Answer.html("<html>Please wait</html>")],
    ["an empty body", Answer.status(200)],
    ["a 204", Answer.status(204)],
    ["broken JSON", Answer.text("{\"access_token\":\"canary")],
    ["JSON of a gateway", Answer.json({ message: "starting" })],
    ["a JSON list", Answer.json([])]
  ]
  it.scoped.each(strange)("%s is tried again before callers are failed", ([, answer]) =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.script("token", answer)
      const fibers = yield* many(10, provider.accessToken)
      yield* TestClock.adjust("2 seconds")
      const exits = yield* outcomes(fibers)
      expect(exits.every(Exit.isSuccess)).toBe(true)
      expect(yield* network.count("token")).toBe(2)
      // The token endpoint may have moved, so its address is read again.
      expect(yield* network.count("authorization-server-metadata")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("the second in a row is final and remembered, and each one after it", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.always("token", Answer.html())
      const failing = yield* Effect.fork(Effect.flip(provider.accessToken))
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(failing)).toMatchObject({ reason: "InvalidResponse", transient: false, status: 200 })
      yield* Effect.flip(provider.accessToken)
      expect(yield* network.count("token")).toBe(2)
      yield* TestClock.adjust("10 seconds")
      expect(yield* Effect.flip(provider.accessToken)).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* network.count("token")).toBe(3)
      expect(yield* network.count("authorization-server-metadata")).toBe(3)
    }).pipe(Effect.provide(environment())))

  it.scoped("a token in between starts the count anew", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      for (let i = 0; i < 3; i++) {
        yield* network.script("token", Answer.html())
        const asking = yield* Effect.fork(provider.accessToken)
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(asking)
        yield* TestClock.adjust("1 day")
      }
    }).pipe(Effect.provide(environment())))

  it.scoped("callers that do not wait get the first one as a transient error", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ refreshPolicy: { patience: { withToken: 0, withoutToken: 0 } } })
      yield* network.script("token", Answer.html())
      const error = yield* Effect.flip(provider.accessToken)
      expect(error).toMatchObject({ reason: "Unavailable", transient: true, status: 200 })
    }).pipe(Effect.provide(environment())))

  const wrong: ReadonlyArray<readonly [what: string, changes: Answer.JsonObject]> = [
    ["an empty token", { access_token: "" }],
    ["another type", { token_type: "mac" }],
    ["a token in an object", { access_token: { value: "canary" } }],
    ["a bad lifetime", { expires_in: "soon" }]
  ]
  it.scoped.each(wrong)(
    "%s is the authorization server's own answer, and final at once",
    ([, changes]) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeProvider()
        yield* network.script("token", Answer.modified((json) => ({ ...json, ...changes })))
        expect(yield* Effect.flip(provider.accessToken)).toMatchObject({ reason: "InvalidResponse", transient: false })
        expect(yield* network.count("token")).toBe(1)
      }).pipe(Effect.provide(environment()))
  )
})

describe("acceptedTokenTypes of a provider", () => {
  it.scoped("a token of a named type is sent as a bearer token", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* network.always("token", Answer.modified((json) => ({ ...json, token_type: "BearerToken" })))
      expect(yield* Effect.flip(Effect.flatMap(makeProvider(), ({ accessToken }) => accessToken))).toMatchObject({
        reason: "InvalidResponse"
      })
      const provider = yield* makeProvider({ acceptedTokenTypes: ["BearerToken"] })
      const token = yield* provider.accessToken
      expect(AccessToken.authorization(token)).toMatch(/^Bearer /)
    }).pipe(Effect.provide(environment())))
})

describe("requests that present no refresh token", () => {
  it.scoped("a step-up uses the grant, since a refresh cannot widen the scope (RFC 6749 §6)", () =>
    Effect.gen(function*() {
      const provider = yield* makeBearer({ stepUp: { allow: ["admin"] } })
      const first = yield* provider.accessToken
      const second = yield* provider.renew(first, insufficient("admin"))
      expect([...second.scopes].toSorted()).toEqual(["admin", "mcp"])
      expect(yield* asked).toEqual(["grant", "grant"])
      yield* expire
      yield* provider.accessToken
      expect(yield* asked).toEqual(["grant", "grant", "canary-refresh-2"])
      expect((yield* forms)[2]?.["scope"]?.split(" ").toSorted()).toEqual(["admin", "mcp"])
    }).pipe(Effect.provide(server("replaced").layer)))

  it.scoped("client_credentials uses the grant, even if a refresh token was issued (RFC 6749 §4.4.3)", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* network.always("token", Answer.modified((json) => ({ ...json, refresh_token: "canary-refresh" })))
      const provider = yield* makeProvider()
      const first = yield* provider.accessToken
      yield* provider.renew(first)
      yield* expire
      yield* provider.accessToken
      expect(yield* asked).toEqual(["client_credentials", "client_credentials", "client_credentials"])
    }).pipe(Effect.provide(environment())))
})

describe("a refresh token after failures", () => {
  it.scoped("a refresh token is presented again after an outage that follows a 401", () => {
    const { layer } = server("replaced")
    return Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeBearer({ assertions: 1 })
      const token = yield* provider.accessToken
      yield* network.script("token", Answer.status(503))
      const renewing = yield* Effect.fork(provider.renew(token))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(renewing)
      expect((yield* forms).map(({ grant_type }) => grant_type)).toEqual([JWT_BEARER, "refresh_token", "refresh_token"])
    }).pipe(Effect.provide(layer))
  })

  it.scoped("after a refused refresh token, a token without one is renewed by the grant", () => {
    const { layer, revoke, stop } = server("replaced")
    return Effect.gen(function*() {
      const provider = yield* makeBearer()
      yield* provider.accessToken
      yield* revoke
      yield* stop
      for (let i = 0; i < 2; i++) {
        yield* expire
        yield* provider.accessToken
      }
      expect(yield* asked).toEqual(["grant", "canary-refresh-1", "grant", "grant"])
    }).pipe(Effect.provide(layer))
  })

  it.scoped("a refused refresh token is not presented again", () => {
    const { layer, revoke } = server("replaced")
    return Effect.gen(function*() {
      const provider = yield* makeBearer({ assertions: 1 })
      const token = yield* provider.accessToken
      yield* revoke
      yield* Effect.flip(provider.renew(token))
      yield* TestClock.adjust("1 minute")
      yield* Effect.flip(provider.accessToken)
      expect((yield* forms).map(({ grant_type }) => grant_type)).toEqual([
        JWT_BEARER,
        "refresh_token",
        JWT_BEARER,
        JWT_BEARER
      ])
    }).pipe(Effect.provide(layer))
  })
})
