import { ClientSecret } from "@effect-mcp-auth/client-secret"
import type { OAuthProvider } from "@effect-mcp-auth/core"
import { AccessToken, OAuthError, OAuthHttpClient, Secret, TokenStorage } from "@effect-mcp-auth/core"
import { TestServers } from "@effect-mcp-auth/testing"
import { FileSystem, HttpClient } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Exit, Fiber, Layer, Option, Redacted, Scope, TestClock } from "effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const clientSecret = Redacted.make("canary+s:e%c/r ü")

const environment = (servers?: TestServers.TestServers.Options) =>
  Layer.merge(TestServers.layer({ clientId: "nightly report", clientSecret, ...servers }), TokenStorage.layerMemory)

const options: ClientSecret.Options = {
  serverUrl: "https://mcp.example.com/mcp",
  issuer: "https://auth.example.com",
  clientId: "nightly report",
  clientSecret
}

/** nightly+report : canary%2Bs%3Ae%25c%2Fr+%C3%BC */
const basic = "Basic bmlnaHRseStyZXBvcnQ6Y2FuYXJ5JTJCcyUzQWUlMjVjJTJGcislQzMlQkM="
const body = "client_id=nightly+report&client_secret=canary%2Bs%3Ae%25c%2Fr+%C3%BC"

const tokenRequest = Effect.flatMap(
  TestServers.TestServers,
  ({ network }) =>
    Effect.map(network.requestsTo("token"), ([request, ...others]) => {
      assert(request !== undefined)
      assert.deepStrictEqual(others, [])
      return request
    })
)

describe("ClientSecret.make", () => {
  it.scoped("builds a provider whose tokens the server accepts", () =>
    Effect.gen(function*() {
      const provider = yield* ClientSecret.make({ ...options, scopes: ["mcp", "admin"] })
      expect(provider.resource).toBe("https://mcp.example.com/mcp")
      const { authorizationServer, network } = yield* TestServers.TestServers
      assert.deepStrictEqual(yield* network.requests, [])
      const token = yield* provider.accessToken
      const issued = yield* authorizationServer.find(token.value)
      expect(issued?.clientId).toBe("nightly report")
      assert.deepStrictEqual(issued?.scopes, ["mcp", "admin"])
      const { body } = yield* tokenRequest
      expect(new URLSearchParams(body).get("grant_type")).toBe("client_credentials")
    }).pipe(Effect.provide(environment())))

  it.effect("builds a provider that ends with its scope", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const provider = yield* Scope.extend(ClientSecret.make(options), scope)
      yield* provider.accessToken
      yield* Scope.close(scope, Exit.void)
      expect(Exit.isFailure(yield* Effect.exit(provider.accessToken))).toBe(true)
    }).pipe(Effect.provide(environment())))

  it.scoped("builds many providers in one program, with separate tokens", () =>
    Effect.gen(function*() {
      const [mcp, admin, same] = yield* Effect.all([
        ClientSecret.make({ ...options, scopes: ["mcp"] }),
        ClientSecret.make({ ...options, scopes: ["admin"] }),
        ClientSecret.make({ ...options, scopes: ["mcp"] })
      ])
      const [a, b, c] = yield* Effect.all([mcp.accessToken, admin.accessToken, same.accessToken])
      expect(AccessToken.isSame(a, b)).toBe(false)
      expect(AccessToken.isSame(a, c)).toBe(true)
    }).pipe(Effect.provide(environment())))

  it.scoped("fails with InvalidOptions for an empty secret, and nothing is sent", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ClientSecret.make({ ...options, clientSecret: Redacted.make("") }))
      expect(error._tag).toBe("InvalidOptions")
      expect(error.message).toBe("`clientSecret`: it is empty. Give the client's secret.")
      const { network } = yield* TestServers.TestServers
      assert.deepStrictEqual(yield* network.requests, [])
    }).pipe(Effect.provide(environment())))
})

describe("the client secret (RFC 6749 §2.3.1)", () => {
  const sent = (tokenEndpointAuthMethod: ClientSecret.Options["tokenEndpointAuthMethod"]) =>
    Effect.gen(function*() {
      const provider = yield* ClientSecret.make({ ...options, tokenEndpointAuthMethod })
      yield* provider.accessToken
      const { body, headers } = yield* tokenRequest
      return { authorization: headers["authorization"], body }
    })

  it.scoped.each([undefined, "client_secret_basic"] as const)(
    "is sent in the header with tokenEndpointAuthMethod %s",
    (method) =>
      Effect.gen(function*() {
        const { authorization, body } = yield* sent(method)
        expect(authorization).toBe(basic)
        assert.deepStrictEqual([...new URLSearchParams(body).keys()], ["grant_type", "scope", "resource"])
      }).pipe(Effect.provide(environment()))
  )

  it.scoped("is sent in the body with client_secret_post", () =>
    Effect.gen(function*() {
      const request = yield* sent("client_secret_post")
      expect(request.authorization).toBeUndefined()
      expect(request.body).toContain(body)
    }).pipe(Effect.provide(environment())))

  it.scoped("is sent in the body with discover if the metadata lists that alone", () =>
    Effect.gen(function*() {
      const request = yield* sent("discover")
      expect(request.authorization).toBeUndefined()
      expect(request.body).toContain(body)
    }).pipe(Effect.provide(environment({ authorizationServer: { authMethods: ["client_secret_post"] } }))))

  it.scoped("is sent in the header with discover if the metadata lists both methods", () =>
    Effect.gen(function*() {
      expect((yield* sent("discover")).authorization).toBe(basic)
    }).pipe(Effect.provide(environment())))

  it.scoped("is sent in the header with discover if the metadata lists nothing (RFC 8414 §2)", () =>
    Effect.gen(function*() {
      expect((yield* sent("discover")).authorization).toBe(basic)
    }).pipe(Effect.provide(environment({
      authorizationServer: { metadata: { token_endpoint_auth_methods_supported: undefined } }
    }))))

  it.scoped("is not sent with discover if the metadata lists neither method", () =>
    Effect.gen(function*() {
      const provider = yield* ClientSecret.make({ ...options, tokenEndpointAuthMethod: "discover" })
      const error = yield* Effect.flip(provider.accessToken)
      assert(error._tag === "DiscoveryError")
      expect(error.reason).toBe("UnsupportedClientAuthentication")
      const { network } = yield* TestServers.TestServers
      expect(yield* network.count("token")).toBe(0)
    }).pipe(Effect.provide(environment({ authorizationServer: { authMethods: ["private_key_jwt"] } }))))

  it.scoped("is never sent by a second method after a refusal", () =>
    Effect.gen(function*() {
      const provider = yield* ClientSecret.make(options)
      const error = yield* Effect.flip(provider.accessToken)
      assert(error._tag === "TokenEndpointError")
      expect(error.code).toBe("invalid_client")
      expect((yield* tokenRequest).headers["authorization"]).toBe(basic)
    }).pipe(Effect.provide(environment({ authorizationServer: { authMethods: ["client_secret_post"] } }))))
})

describe("a client secret that is rotated while the program runs", () => {
  /** Returns each of these secrets once, and then the last one. */
  const source = (...secrets: ReadonlyArray<Redacted.Redacted<string>>) => {
    const state = { runs: 0 }
    const effect = Effect.sync(() => secrets[Math.min(state.runs++, secrets.length - 1)] ?? clientSecret)
    return { state, effect }
  }
  const old = Redacted.make("canary-old-secret")

  it.scoped.each(["client_secret_basic", "client_secret_post", "discover"] as const)(
    "is read again after a refusal with %s, and the token request is sent once more",
    (tokenEndpointAuthMethod) =>
      Effect.gen(function*() {
        const { effect, state } = source(old, clientSecret)
        const provider = yield* ClientSecret.make({ ...options, clientSecret: effect, tokenEndpointAuthMethod })
        expect(state.runs).toBe(0)
        const token = yield* provider.accessToken
        const { authorizationServer, network } = yield* TestServers.TestServers
        expect((yield* authorizationServer.find(token.value))?.clientId).toBe("nightly report")
        expect(yield* network.count("token")).toBe(2)
        expect(state.runs).toBe(2)
      }).pipe(Effect.provide(environment()))
  )

  it.scoped("is refused finally after one more reading of the source if the secret is still the same", () =>
    Effect.gen(function*() {
      const { effect, state } = source(old)
      const provider = yield* ClientSecret.make({ ...options, clientSecret: effect })
      const error = yield* Effect.flip(provider.accessToken)
      assert(error._tag === "TokenEndpointError")
      expect(error.code).toBe("invalid_client")
      const { network } = yield* TestServers.TestServers
      expect(yield* network.count("token")).toBe(1)
      expect(state.runs).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("is refused finally after one more request if the new secret is refused as well", () =>
    Effect.gen(function*() {
      const { effect } = source(old, Redacted.make("canary-older-secret"), Redacted.make("canary-oldest-secret"))
      const provider = yield* ClientSecret.make({ ...options, clientSecret: effect })
      const error = yield* Effect.flip(provider.accessToken)
      expect(error._tag).toBe("TokenEndpointError")
      const { network } = yield* TestServers.TestServers
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("fails calls as CredentialError while its source fails finally, and nothing is sent to the token endpoint", () =>
    Effect.gen(function*() {
      const provider = yield* ClientSecret.make({
        ...options,
        clientSecret: Effect.succeed(Redacted.make("canary-secret\n"))
      })
      const error = yield* Effect.flip(provider.accessToken)
      assert(error._tag === "CredentialError")
      expect(error.reason).toBe("Malformed")
      expect(OAuthError.isTransient(error)).toBe(false)
      expect(error.message).toContain("it ends with a line break")
      const { network } = yield* TestServers.TestServers
      expect(yield* network.count("token")).toBe(0)
    }).pipe(Effect.provide(environment())))

  it.scoped("makes callers wait while its source fails for a moment", () =>
    Effect.gen(function*() {
      let runs = 0
      const provider = yield* ClientSecret.make({
        ...options,
        clientSecret: Effect.suspend(() => ++runs === 1 ? Effect.fail("sealed") : Effect.succeed(clientSecret))
      })
      const waiting = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(waiting)
      expect(runs).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.effect("fails a call of OAuthHttpClient with an error that contains a CredentialError if it is empty", () =>
    Effect.gen(function*() {
      const Auth = OAuthHttpClient.layer.pipe(
        Layer.provideMerge(ClientSecret.layer({ ...options, clientSecret: Effect.succeed(Redacted.make("")) }))
      )
      const error = yield* Effect.flip(
        Effect.flatMap(HttpClient.HttpClient, (client) => client.get(options.serverUrl)).pipe(Effect.provide(Auth))
      )
      expect(Option.getOrThrow(OAuthError.fromUnknown(error))._tag).toBe("CredentialError")
    }).pipe(Effect.provide(environment())))
})

const info: FileSystem.File.Info = {
  type: "File",
  size: FileSystem.Size(20),
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0,
  ino: Option.none(),
  mode: 0o600,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  blksize: Option.none(),
  blocks: Option.none()
}

/** An option as JavaScript may give it: the compiler has not seen the value. */
const untyped = (option: string, value: unknown): object => Object.fromEntries([[option, value]])

/** A call of the protected server, through the layer. */
const call = Effect.flatMap(HttpClient.HttpClient, (client) => client.get("https://mcp.example.com/mcp/reports"))

const authenticated = <E, R>(provider: Layer.Layer<OAuthProvider.OAuthProvider, E, R>) =>
  OAuthHttpClient.layer.pipe(Layer.provide(provider))

describe("ClientSecret.layer", () => {
  it.effect("provides the authenticated client", () =>
    Effect.gen(function*() {
      const response = yield* call.pipe(Effect.provide(authenticated(ClientSecret.layer(options))))
      expect(response.status).toBe(200)
      // Without the layer the server refuses the same request.
      expect((yield* call).status).toBe(401)
    }).pipe(Effect.provide(environment())))

  it.effect("fails with InvalidOptions", () =>
    Effect.gen(function*() {
      const layer = ClientSecret.layer({ ...options, clientId: "" })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      expect(error._tag).toBe("InvalidOptions")
    }).pipe(Effect.provide(environment())))
})

describe("ClientSecret.layerConfig", () => {
  const layer = ClientSecret.layerConfig({
    serverUrl: Config.string("MCP_URL"),
    issuer: Config.string("MCP_ISSUER"),
    clientId: Config.string("MCP_CLIENT_ID"),
    clientSecret: Config.redacted("MCP_CLIENT_SECRET"),
    scopes: Config.array(Config.string(), "MCP_SCOPES").pipe(Config.withDefault(["mcp"])),
    tokenEndpointAuthMethod: Config.literal("client_secret_basic", "client_secret_post")("MCP_AUTH_METHOD").pipe(
      Config.withDefault("client_secret_basic")
    )
  })
  const variables = {
    MCP_URL: "https://mcp.example.com/mcp",
    MCP_ISSUER: "https://auth.example.com",
    MCP_CLIENT_ID: "nightly report",
    MCP_CLIENT_SECRET: Redacted.value(clientSecret)
  }
  const from = (changes: Readonly<Record<string, string | undefined>>) =>
    Effect.withConfigProvider(
      ConfigProvider.fromMap(
        new Map(
          Object.entries({ ...variables, ...changes }).flatMap(([name, value]) =>
            value === undefined ? [] : [[name, value]]
          )
        )
      )
    )
  const built = Effect.scoped(Layer.build(layer))

  it.effect("reads every option from the configuration", () =>
    Effect.gen(function*() {
      const response = yield* call.pipe(
        Effect.provide(authenticated(layer)),
        from({ MCP_SCOPES: "mcp, admin", MCP_AUTH_METHOD: "client_secret_post" })
      )
      expect(response.status).toBe(200)
      const request = yield* tokenRequest
      expect(request.body).toContain(body)
      expect(new URLSearchParams(request.body).get("scope")).toBe("mcp admin")
    }).pipe(Effect.provide(environment())))

  it.effect.each([
    ["mcp admin", "mcp admin"],
    ["mcp,admin", "mcp admin"],
    [" mcp, admin ", "mcp admin"],
    ["", "mcp"]
  ])("reads several scopes from one variable: %j", ([text, sent]) =>
    Effect.gen(function*() {
      const layer = ClientSecret.layerConfig({
        serverUrl: Config.string("MCP_URL"),
        issuer: Config.string("MCP_ISSUER"),
        clientId: Config.string("MCP_CLIENT_ID"),
        clientSecret: Config.redacted("MCP_CLIENT_SECRET"),
        scopes: Config.string("MCP_SCOPES")
      })
      yield* call.pipe(Effect.provide(authenticated(layer)), from({ MCP_SCOPES: text }))
      expect(new URLSearchParams((yield* tokenRequest).body).get("scope")).toBe(sent)
    }).pipe(Effect.provide(environment())))

  it.effect("reads the secret from a file that a variable names", () =>
    Effect.gen(function*() {
      const bytes = new TextEncoder().encode(`${Redacted.value(clientSecret)}\n`)
      const files = FileSystem.layerNoop({
        stat: (path) => path === "/run/secrets/mcp" ? Effect.succeed(info) : Effect.die("another file"),
        readFile: () => Effect.succeed(bytes)
      })
      const layer = ClientSecret.layerConfig({
        serverUrl: Config.string("MCP_URL"),
        issuer: Config.string("MCP_ISSUER"),
        clientId: Config.string("MCP_CLIENT_ID"),
        clientSecret: Config.map(
          Config.string("MCP_CLIENT_SECRET_FILE"),
          (path) => Secret.file(path).pipe(Effect.provide(files))
        )
      })
      yield* call.pipe(Effect.provide(authenticated(layer)), from({ MCP_CLIENT_SECRET_FILE: "/run/secrets/mcp" }))
      expect((yield* tokenRequest).headers["authorization"]).toBe(basic)
    }).pipe(Effect.provide(environment())))

  it.effect.each(
    [
      ["serverUrl", "https://mcp.example.com/mcp"],
      ["clientId", undefined],
      ["clientSecret", clientSecret],
      ["scopes", ["mcp"]],
      ["issuer", null]
    ] as const
  )(
    "fails with InvalidOptions, and does not throw, if `%s` is no Config: %s",
    ([option, value]) =>
      Effect.gen(function*() {
        const options = {
          serverUrl: Config.string("MCP_URL"),
          issuer: Config.string("MCP_ISSUER"),
          clientId: Config.string("MCP_CLIENT_ID"),
          clientSecret: Config.redacted("MCP_CLIENT_SECRET")
        }
        const layer = ClientSecret.layerConfig(Object.assign(options, untyped(option, value)))
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
        assert("option" in error)
        expect(error.option).toBe(option)
      }).pipe(Effect.provide(environment()), from({}))
  )

  it.effect("uses the default of an option that is left out", () =>
    Effect.gen(function*() {
      expect((yield* call.pipe(Effect.provide(authenticated(layer)), from({}))).status).toBe(200)
      const request = yield* tokenRequest
      expect(request.headers["authorization"]).toBe(basic)
      expect(new URLSearchParams(request.body).get("scope")).toBe("mcp")
    }).pipe(Effect.provide(environment())))

  it.effect.each(["MCP_URL", "MCP_ISSUER", "MCP_CLIENT_ID", "MCP_CLIENT_SECRET"])(
    "fails without %s, and names it",
    (name) =>
      Effect.gen(function*() {
        const error = yield* built.pipe(from({ [name]: undefined }), Effect.flip)
        expect(JSON.stringify(error)).toContain(name)
        const { network } = yield* TestServers.TestServers
        assert.deepStrictEqual(yield* network.requests, [])
      }).pipe(Effect.provide(environment()))
  )

  it.effect("fails if an option is invalid", () =>
    Effect.gen(function*() {
      const error = yield* built.pipe(from({ MCP_CLIENT_SECRET: "" }), Effect.flip)
      assert("_tag" in error && error._tag === "InvalidOptions")
      expect(error.option).toBe("clientSecret")
      const insecure = yield* built.pipe(from({ MCP_URL: "http://mcp.example.com" }), Effect.flip)
      assert("_tag" in insecure)
      expect(insecure._tag).toBe("InsecureEndpoint")
    }).pipe(Effect.provide(environment())))
})

describe("a program that imports this package alone", () => {
  /** The modules that Node loads for a program, in a process of its own. */
  const loaded = (program: string) =>
    Effect.promise(async () => {
      const script = `
        import { registerHooks } from "node:module"
        const urls = []
        registerHooks({
          load: (url, context, next) => {
            urls.push(url)
            return next(url, context)
          }
        })
        ${program}
        process.stdout.write(JSON.stringify(urls))
      `
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ["--no-warnings", "--experimental-strip-types", "--input-type=module", "--eval", script],
        { cwd: fileURLToPath(new URL("..", import.meta.url)), maxBuffer: 16 * 1024 * 1024 }
      )
      const urls: unknown = JSON.parse(stdout)
      assert(Array.isArray(urls))
      return urls.map(String)
    })

  it.live("loads the grant and core, and not jose", () =>
    Effect.gen(function*() {
      const urls = yield* loaded(`await import("@effect-mcp-auth/client-secret")`)
      expect(urls.some((url) => url.includes("/client-secret/src/ClientSecret.ts"))).toBe(true)
      expect(urls.some((url) => url.includes("/core/src/OAuthProvider.ts"))).toBe(true)
      assert.deepStrictEqual(urls.filter((url) => /\/jose[/@]/.test(url)), [])
      assert.deepStrictEqual(urls.filter((url) => /\/(?:private-key-jwt|jwt-bearer|testing)\//.test(url)), [])
    }), 60_000)

  it.live("loads no module that only Node has", () =>
    Effect.gen(function*() {
      const urls = yield* loaded(`
        await import("effect")
        await import("@effect/platform")
        urls.length = 0
        await import("@effect-mcp-auth/client-secret")
      `)
      expect(urls.length).toBeGreaterThan(10)
      assert.deepStrictEqual(urls.filter((url) => !url.startsWith("file:")), [])
    }), 60_000)
})
