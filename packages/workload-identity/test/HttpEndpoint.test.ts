import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { HttpEndpoint } from "@effect-mcp-auth/workload-identity"
import { HttpClientRequest } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Either, Redacted, TestClock } from "effect"
import { claimsOf, failureOf, good, issuer, json, request, world } from "./support.ts"

const get = HttpClientRequest.get("https://vault.example.com/v1/identity/oidc/token/mcp?version=1", {
  headers: { "x-vault-token": "hvs.canary" }
})

/** https://developer.hashicorp.com/vault/api-docs/secret/identity/tokens */
const vault = Effect.gen(function*() {
  const network = yield* TestNetwork.TestNetwork
  const issue = issuer()
  yield* network.serve("https://vault.example.com", ({ body, headers, method }) =>
    Effect.gen(function*() {
      if (headers["x-vault-token"] !== "hvs.canary") return json({ errors: ["permission denied: hvs.canary"] }, 403)
      const asked: unknown = method === "POST" ? JSON.parse(body) : request.audience
      return json({ data: { token: yield* issue(String(asked)), ttl: 3600 } }, method === "POST" ? 201 : 200)
    }))
  return network
})

const options: HttpEndpoint.Options = { request: get, path: ["data", "token"] }

describe("HttpEndpoint.make", () => {
  it.effect("reads the token at `path`, and caches it", () =>
    Effect.gen(function*() {
      const network = yield* vault
      const provider = yield* HttpEndpoint.make(options)
      const first = yield* provider(request)
      expect(claimsOf(first)["number"]).toBe("1")
      expect(yield* provider({ ...request, scopes: ["other"] })).toBe(first)
      expect(claimsOf(yield* provider({ ...request, refused: [first] }))["number"]).toBe("2")
      expect(yield* network.count("other")).toBe(2)
    }).pipe(Effect.provide(world())))

  it.effect("sends a request for each different result of the function `request`", () =>
    Effect.gen(function*() {
      const network = yield* vault
      const provider = yield* HttpEndpoint.make({
        ...options,
        request: ({ audience }) =>
          HttpClientRequest.post("https://vault.example.com/token").pipe(
            HttpClientRequest.setHeader("x-vault-token", "hvs.canary"),
            HttpClientRequest.bodyUnsafeJson(audience)
          )
      })
      expect(claimsOf(yield* provider(request))["aud"]).toBe(request.audience)
      yield* provider(request)
      const other = { ...request, audience: "https://other.example" }
      expect(claimsOf(yield* provider(other))["aud"]).toBe("https://other.example")
      expect(yield* network.count("other")).toBe(2)
    }).pipe(Effect.provide(world())))

  it.effect.each(
    [["vault.vault.svc.cluster.local", true], ["svc.cluster.local", false], ["other.local", false]] as const
  )(
    "with `insecureHosts` of %s, plain http reaches exactly that host",
    ([host, isReached]) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        yield* network.serve("http://vault.vault.svc.cluster.local:8200", () => Effect.sync(() => new Response(good())))
        const insecure = HttpClientRequest.get("http://vault.vault.svc.cluster.local:8200/v1/token")
        const built = yield* Effect.either(HttpEndpoint.make({ request: insecure, insecureHosts: [host] }))
        const asked = yield* HttpEndpoint.make({ request: () => insecure, insecureHosts: [host] })
        const got = yield* Effect.either(asked(request))
        expect([Either.isRight(built), Either.isRight(got)]).toEqual([isReached, isReached])
        expect(yield* network.count("other")).toBe(isReached ? 1 : 0)
      }).pipe(Effect.provide(world()))
  )

  it.effect("fails with InvalidOptions for a wildcard in `insecureHosts`", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(HttpEndpoint.make({ request: get, insecureHosts: ["*.cluster.local"] }))
      expect(error.option).toBe("insecureHosts")
    }).pipe(Effect.provide(world())))

  it.effect("uses the whole answer without `path`", () =>
    Effect.gen(function*() {
      const network = yield* vault
      yield* network.always("other", Answer.text(`${good()}\n`))
      const provider = yield* HttpEndpoint.make({ request: get })
      expect(Redacted.value(yield* provider(request)) === good()).toBe(true)
    }).pipe(Effect.provide(world())))

  it.effect("caches an opaque assertion for `lifetime`", () =>
    Effect.gen(function*() {
      const network = yield* vault
      yield* network.always("other", Answer.text("canary-opaque"))
      const each = yield* HttpEndpoint.make({ request: get, opaque: true })
      yield* each(request)
      yield* each(request)
      expect(yield* network.count("other")).toBe(2)
      const provider = yield* HttpEndpoint.make({ request: get, opaque: true, lifetime: "1 hour" })
      yield* provider(request)
      yield* TestClock.adjust("3539 seconds")
      yield* provider(request)
      expect(yield* network.count("other")).toBe(3)
      yield* TestClock.adjust("1 second")
      yield* provider(request)
      expect(yield* network.count("other")).toBe(4)
    }).pipe(Effect.provide(world())))

  it.effect("caches a JWT without exp for `lifetime`", () =>
    Effect.gen(function*() {
      const network = yield* vault
      yield* network.always("other", Answer.text(good({ exp: undefined })))
      const provider = yield* HttpEndpoint.make({ request: get, lifetime: "1 hour" })
      yield* provider(request)
      yield* provider(request)
      expect(yield* network.count("other")).toBe(1)
      const each = yield* HttpEndpoint.make({ request: get })
      yield* each(request)
      yield* each(request)
      expect(yield* network.count("other")).toBe(3)
    }).pipe(Effect.provide(world())))

  it.effect("does not supply an assertion for another authorization server", () =>
    Effect.gen(function*() {
      const network = yield* vault
      const provider = yield* HttpEndpoint.make(options)
      yield* provider(request)
      const other = {
        audience: "https://other.example",
        issuer: "https://other.example",
        tokenEndpoint: "https://other.example/t"
      }
      expect((yield* failureOf(provider, other)).reason).toBe("WrongAudience")
      yield* provider(request)
      expect(yield* network.count("other")).toBe(2)
      const named = yield* HttpEndpoint.make({ ...options, audience: request.audience })
      yield* named({ ...request, ...other })
    }).pipe(Effect.provide(world())))

  const addresses: ReadonlyArray<readonly [string, string]> = [
    ["/token", "it is not an absolute URL"],
    [
      "http://vault.example.com/token",
      "it is not https; plain http is for loopback and link-local hosts and those in `insecureHosts` only"
    ],
    ["http://127.0.0.1.example/token", "it is not https"],
    ["https://user:canary@vault.example.com/token", "it has a user name or a password; send credentials in a header"]
  ]
  it.effect.each(addresses)("sends nothing to %s", ([url, says]) =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      const elsewhere = HttpClientRequest.get(url)
      const error = yield* Effect.flip(HttpEndpoint.make({ request: elsewhere }))
      expect(error.option).toBe("request")
      expect(error.message).toContain(says)
      const failure = yield* failureOf(yield* HttpEndpoint.make({ request: () => elsewhere }))
      expect(failure.reason).toBe("Malformed")
      expect(failure.message).toContain(says)
      assert.deepStrictEqual(yield* network.requests, [])
    }).pipe(Effect.provide(world())))

  it.effect.each([
    "http://localhost:8200",
    "http://x.localhost",
    "http://127.0.0.1",
    "http://169.254.170.2",
    "http://[::1]:80",
    "http://[fe80::1]"
  ])(
    "sends plain http to loopback and link-local hosts: %s",
    (origin) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        yield* network.serve(origin, () => Effect.sync(() => new Response(good())))
        yield* (yield* HttpEndpoint.make({ request: HttpClientRequest.get(origin) }))(request)
      }).pipe(Effect.provide(world()))
  )
})

describe("an answer of the endpoint is rejected", () => {
  const cases: ReadonlyArray<readonly [string, Answer.Answer, reason: string, says: string]> = [
    ["a page in place of JSON", Answer.html(), "Malformed", "there is no text at `data.token`. Correct `path`."],
    ["JSON of another form", Answer.json({ data: "canary" }), "Malformed", "there is no text at `data.token`"],
    ["a number", Answer.json({ data: { token: 7 } }), "Malformed", "there is no text at `data.token`"],
    ["an object without own properties", Answer.json({}), "Malformed", "there is no text at `data.token`"],
    ["a text that is not a JWT", Answer.json({ data: { token: "canary" } }), "Malformed", "is not a whole JWT"],
    [
      "a refusal",
      Answer.json({ errors: ["canary"] }, { status: 403 }),
      "Refused",
      "answered 403. Check `request`."
    ],
    ["a redirect", Answer.redirect("https://evil.example/"), "Refused", "is not followed"],
    ["too much", Answer.oversized(66_000), "Malformed", "larger than 65536 bytes"],
    ["nothing", Answer.dropped, "Unavailable", "was not reached"]
  ]
  it.effect.each(cases)("with an error that says why: %s", ([, answer, reason, says]) =>
    Effect.gen(function*() {
      const network = yield* vault
      yield* network.always("other", answer)
      const error = yield* failureOf(yield* HttpEndpoint.make(options))
      expect(error.reason).toBe(reason)
      expect(error.message).toContain(says)
      if (!error.message.startsWith("The assertion")) {
        expect(error.message).toContain("https://vault.example.com/v1/identity/oidc/token/mcp")
      }
    }).pipe(Effect.provide(world())))

  it.effect("if its body breaks off", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve("https://vault.example.com", () =>
        Effect.sync(() => {
          const body = new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) })
          return new Response(body)
        }))
      const error = yield* failureOf(yield* HttpEndpoint.make(options))
      expect(error.reason).toBe("Unavailable")
      expect(error.message).toContain("the connection failed before the answer was complete")
    }).pipe(Effect.provide(world())))

  it.effect("if it is empty", () =>
    Effect.gen(function*() {
      const network = yield* vault
      yield* network.always("other", Answer.status(204))
      expect((yield* failureOf(yield* HttpEndpoint.make({ request: get }))).message).toContain("is empty")
    }).pipe(Effect.provide(world())))
})

describe("a wrong option of HttpEndpoint", () => {
  it.effect.each<readonly [option: string, value: unknown]>([
    ["request", undefined],
    ["request", null],
    ["request", "https://vault.example.com/canary"],
    ["audience", ""],
    ["audience", null]
  ])("is InvalidOptions of `%s`: %s", ([option, value]) =>
    Effect.gen(function*() {
      const wrong = Object.assign({}, options, Object.fromEntries([[option, value]]))
      const error = yield* Effect.flip(HttpEndpoint.make(wrong))
      expect(error.option).toBe(option)
      expect(error.message).not.toContain("canary")
    }).pipe(Effect.provide(world())))
})

describe("HttpEndpoint.layer", () => {
  it.effect("provides an AssertionProvider", () =>
    Effect.gen(function*() {
      yield* vault
      const provider = yield* Effect.provide(AssertionProvider, HttpEndpoint.layer(options))
      yield* provider(request)
    }).pipe(Effect.provide(world())))
})
