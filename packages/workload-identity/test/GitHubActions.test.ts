import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { GitHubActions } from "@effect-mcp-auth/workload-identity"
import { FetchHttpClient } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Fiber, Inspectable, Logger, LogLevel, Redacted, TestClock } from "effect"
import { claimsOf, failureOf, good, issuer, json, request, world } from "./support.ts"

const variables = {
  ACTIONS_ID_TOKEN_REQUEST_URL: "https://run.actions.example/idtoken/1?api-version=2.0",
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: "request-canary-token"
}

/** https://docs.github.com/en/actions/reference/security/oidc */
const githubWith = (issue: ReturnType<typeof issuer>) =>
  Effect.gen(function*() {
    const network = yield* TestNetwork.TestNetwork
    yield* network.serve("https://run.actions.example", ({ headers, method, url }) =>
      Effect.gen(function*() {
        const { pathname, searchParams } = new URL(url)
        if (headers["authorization"] !== "bearer request-canary-token") {
          return json({ message: `Bad credentials: ${headers["authorization"]}` }, 401)
        }
        if (method !== "GET" || pathname !== "/idtoken/1" || searchParams.get("api-version") !== "2.0") {
          return json({}, 404)
        }
        const value = yield* issue(searchParams.get("audience") ?? "https://github.com/octo-org", 300)
        return json({ count: value.length, value })
      }))
    return network
  })

const github = Effect.suspend(() => githubWith(issuer()))

describe("GitHubActions.make", () => {
  it.effect("requests a token for the requested audience", () =>
    Effect.gen(function*() {
      const network = yield* github
      const provider = yield* GitHubActions.make()
      expect(claimsOf(yield* provider(request))["aud"]).toBe("https://auth.example.com")
      const other = { ...request, audience: "https://other.example/a?b&c=ü" }
      expect(claimsOf(yield* provider(other))["aud"]).toBe("https://other.example/a?b&c=ü")
      expect(yield* network.count("other")).toBe(2)
    }).pipe(Effect.provide(world(variables))))

  it.effect("requests a token for the option `audience`", () =>
    Effect.gen(function*() {
      yield* github
      const provider = yield* GitHubActions.make({ audience: "api://octo" })
      expect(claimsOf(yield* provider(request))["aud"]).toBe("api://octo")
    }).pipe(Effect.provide(world(variables))))

  it.effect.each(Object.keys(variables))(
    "fails without %s, and the error says who sets it",
    (name) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(GitHubActions.make())
        expect(error.option).toBe(name)
        expect(error.message).toBe(
          `\`${name}\`: the variable is not set. GitHub sets it in jobs that have \`permissions: id-token: write\` in the ` +
            `workflow, and not for pull requests from forks.`
        )
      }).pipe(Effect.provide(world({ ...variables, [name]: " " })))
  )

  it.effect.each(
    [
      ["?api-version=2.0", "?api-version=2.0&"],
      ["?api-version=2024:01&a=&b=%c3%bc+c", "?api-version=2024:01&a=&b=%c3%bc+c&"],
      ["?a&a=1&", "?a&a=1&"],
      ["?", "?"],
      ["", "?"]
    ] as const
  )("keeps the query %j of the address as GitHub wrote it", ([query, kept]) =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve("https://run.actions.example", () => Effect.sync(() => json({ value: good() })))
      const provider = yield* GitHubActions.make()
      yield* provider(request)
      const [sent] = yield* network.requests
      expect(sent?.url).toBe(`https://run.actions.example/idtoken/1${kept}audience=https%3A%2F%2Fauth.example.com`)
    }).pipe(
      Effect.provide(
        world({ ...variables, ACTIONS_ID_TOKEN_REQUEST_URL: `https://run.actions.example/idtoken/1${query}` })
      )
    ))

  it.effect.each([
    "run.actions.example",
    "run.actions.example:443/idtoken",
    "//run.actions.example/idtoken",
    "\"https://run.actions.example/idtoken\"",
    "https://run.actions .example/idtoken",
    "https://run.actions.example/idtoken#a",
    "http://run.actions.example/idtoken",
    "https://a:canary@run.actions.example/"
  ])(
    "does not send the request token to %s",
    (address) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(GitHubActions.make())
        expect(error.option).toBe("ACTIONS_ID_TOKEN_REQUEST_URL")
        const network = yield* TestNetwork.TestNetwork
        assert.deepStrictEqual(yield* network.requests, [])
      }).pipe(Effect.provide(world({ ...variables, ACTIONS_ID_TOKEN_REQUEST_URL: address })))
  )

  it.effect("quotes the error of GitHub, without the request token", () =>
    Effect.gen(function*() {
      yield* github
      const error = yield* failureOf(yield* GitHubActions.make())
      expect(error.reason).toBe("Refused")
      expect(error.message).toContain("answered 401 (Bad credentials: bearer <redacted>). ")
      expect(error.message).toContain("`permissions: id-token: write`")
    }).pipe(Effect.provide(world({ ...variables, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "other-canary-token" }))))

  it.effect("sends no header that `fetch` would show in its error", () =>
    Effect.gen(function*() {
      const network = yield* github
      const error = yield* failureOf(yield* GitHubActions.make())
      expect(error.message).toContain("the header `authorization` has a character that cannot be sent")
      assert.deepStrictEqual(yield* network.requests, [])
    }).pipe(Effect.provide(world({ ...variables, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "canary\ncanary" }))))
})

describe("an answer of GitHub is rejected", () => {
  const cases: ReadonlyArray<readonly [string, Answer.Answer, reason: string, says: string]> = [
    ["a page", Answer.html(), "Malformed", "answered 200 without a `value`"],
    ["no value", Answer.json({ count: 0 }), "Malformed", "answered 200 without a `value`"],
    ["half a token", Answer.json({ value: "eyJhbGciOiJIUzI1NiJ9.canary" }), "Malformed", "is not a whole JWT"],
    ["an empty token", Answer.json({ value: "" }), "Malformed", "is empty"],
    ["an error without a body", Answer.status(503), "Unavailable", "answered 503. "],
    ["a redirect", Answer.redirect("https://evil.example/", 307), "Refused", "redirect, which is not followed"],
    ["far too much", Answer.oversized(70_000), "Malformed", "larger than 65536 bytes"],
    ["nothing", Answer.dropped, "Unavailable", "the connection failed"]
  ]
  it.effect.each(cases)("with an error that says why: %s", ([, answer, reason, says]) =>
    Effect.gen(function*() {
      const network = yield* github
      yield* network.always("other", answer)
      const error = yield* failureOf(yield* GitHubActions.make())
      expect(error.reason).toBe(reason)
      expect(error.message).toContain(says)
      expect(yield* network.count("other")).toBe(1)
    }).pipe(Effect.provide(world(variables))))

  it.effect("with a token for another audience", () =>
    Effect.gen(function*() {
      const network = yield* github
      yield* network.always("other", Answer.json({ value: yield* issuer()("https://github.com/octo-org") }))
      const error = yield* failureOf(yield* GitHubActions.make())
      expect(error.reason).toBe("WrongAudience")
      expect(error.message).toContain("is for https://github.com/octo-org, and was not sent")
    }).pipe(Effect.provide(world(variables))))

  it.effect("if it takes more than 10 seconds", () =>
    Effect.gen(function*() {
      const network = yield* github
      yield* network.always("other", Answer.never)
      const fiber = yield* Effect.fork(failureOf(yield* GitHubActions.make()))
      yield* network.awaitRequests("other")
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(fiber)).message).toContain("no complete answer within 10s")
    }).pipe(Effect.provide(world(variables))))
})

describe("the secret of a request to GitHub", () => {
  it.effect("is in no log of any level when the body breaks off", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve("https://run.actions.example", () =>
        Effect.sync(() =>
          new Response(new ReadableStream({ start: (body) => body.error(new Error("terminated")) }))
        ))
      const logged: Array<string> = []
      const logger = Logger.make<unknown, void>((entry) => {
        logged.push(
          Inspectable.toStringUnknown(entry.message),
          Cause.pretty(entry.cause),
          JSON.stringify(entry.cause)
        )
      })
      const provider = yield* GitHubActions.make()
      const error = yield* failureOf(provider).pipe(
        Logger.withMinimumLogLevel(LogLevel.All),
        Effect.provide(Logger.add(logger))
      )
      expect(error.message).toContain("before the answer was complete")
      for (const entry of logged) expect(entry).not.toContain("canary")
    }).pipe(Effect.provide(world(variables))))
})

describe("a token of GitHub Actions", () => {
  it.effect("is used until a fifth of its life is left", () =>
    Effect.gen(function*() {
      const network = yield* github
      const provider = yield* GitHubActions.make()
      const first = yield* provider(request)
      yield* TestClock.adjust("239 seconds")
      expect(yield* provider(request)).toBe(first)
      yield* TestClock.adjust("1 second")
      expect(claimsOf(yield* provider(request))["number"]).toBe("2")
      expect(yield* network.count("other")).toBe(2)
    }).pipe(Effect.provide(world(variables))))

  it.effect("is not used after a refusal", () =>
    Effect.gen(function*() {
      yield* github
      const provider = yield* GitHubActions.make()
      const first = yield* provider(request)
      const second = yield* provider({ ...request, refused: [first] })
      expect(claimsOf(second)["number"]).toBe("2")
      expect(yield* provider(request)).toBe(second)
    }).pipe(Effect.provide(world(variables))))

  it.effect("is not used after a refusal of any request, and other tokens stay", () =>
    Effect.gen(function*() {
      const network = yield* github
      const provider = yield* GitHubActions.make()
      const other = { ...request, audience: "https://other.example" }
      const [first, second] = [yield* provider(request), yield* provider(other)]
      expect(yield* provider({ ...request, refused: [Redacted.make(Redacted.value(second))] })).toBe(first)
      expect(claimsOf(yield* provider(other))["number"]).toBe("3")
      expect(yield* network.count("other")).toBe(3)
    }).pipe(Effect.provide(world(variables))))

  it.effect("with a jti is returned once", () =>
    Effect.gen(function*() {
      const network = yield* githubWith(issuer({ jti: true }))
      const provider = yield* GitHubActions.make()
      const given = yield* Effect.all([provider(request), provider(request), provider(request)])
      expect(given.map((one) => claimsOf(one)["jti"])).toEqual(["1", "2", "3"])
      expect(yield* network.count("other")).toBe(3)
    }).pipe(Effect.provide(world(variables))))

  it.effect("with a jti is fetched for each of many callers", () =>
    Effect.gen(function*() {
      const network = yield* githubWith(issuer({ jti: true }))
      yield* network.setLatency("1 second")
      const provider = yield* GitHubActions.make()
      const callers = yield* Effect.fork(Effect.all(Effect.replicate(provider(request), 5), {
        concurrency: "unbounded"
      }))
      yield* TestClock.adjust("5 seconds")
      const given = yield* Fiber.join(callers)
      expect(new Set(given.map((one) => claimsOf(one)["jti"])).size).toBe(5)
      expect(yield* network.count("other")).toBe(5)
    }).pipe(Effect.provide(world(variables))))

  it.effect("fails once for all waiting callers, with a jti or not", () =>
    Effect.gen(function*() {
      const network = yield* githubWith(issuer({ jti: true }))
      yield* network.setLatency("1 second")
      yield* network.always("other", Answer.status(503))
      const provider = yield* GitHubActions.make()
      const callers = yield* Effect.fork(Effect.all(Effect.replicate(failureOf(provider), 5), {
        concurrency: "unbounded"
      }))
      yield* TestClock.adjust("5 seconds")
      expect(new Set((yield* Fiber.join(callers)).map(({ reason }) => reason))).toEqual(new Set(["Unavailable"]))
      expect(yield* network.count("other")).toBe(1)
    }).pipe(Effect.provide(world(variables))))

  it.effect("is used to its end if no other can be fetched", () =>
    Effect.gen(function*() {
      const network = yield* github
      const provider = yield* GitHubActions.make()
      const first = yield* provider(request)
      yield* network.always("other", Answer.status(500))
      yield* TestClock.adjust("299 seconds")
      expect(yield* provider(request)).toBe(first)
      expect((yield* failureOf(provider, { refused: [first] })).reason).toBe("Unavailable")
      yield* TestClock.adjust("1 second")
      expect((yield* failureOf(provider)).reason).toBe("Unavailable")
    }).pipe(Effect.provide(world(variables))))

  it.effect("is fetched once for many callers, as long as one of them waits", () =>
    Effect.gen(function*() {
      const network = yield* github
      yield* network.setLatency("1 second")
      const provider = yield* GitHubActions.make()
      const first = yield* Effect.fork(provider(request))
      const others = yield* Effect.fork(Effect.all(Array.from({ length: 9 }, () => provider(request)), {
        concurrency: "unbounded"
      }))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("500 millis")
      const assertions = yield* Fiber.join(others)
      expect(new Set(assertions.map(Redacted.value)).size).toBe(1)
      expect(yield* network.count("other")).toBe(1)
    }).pipe(Effect.provide(world(variables))))

  it.effect("is not fetched any more when no caller waits", () =>
    Effect.gen(function*() {
      const network = yield* github
      yield* network.always("other", Answer.never)
      const provider = yield* GitHubActions.make()
      const fiber = yield* Effect.fork(provider(request))
      yield* network.awaitRequests("other")
      yield* Fiber.interrupt(fiber)
      yield* network.restore
      expect(claimsOf(yield* provider(request))["number"]).toBe("1")
      const [given] = yield* network.requests
      expect(given?.outcome._tag).toBe("Interrupted")
    }).pipe(Effect.provide(world(variables))))
})

describe("GitHubActions.layer", () => {
  it.effect("provides an AssertionProvider, and keeps the user's settings for `fetch`", () =>
    Effect.gen(function*() {
      const network = yield* github
      const provider = yield* Effect.provide(AssertionProvider, GitHubActions.layer())
      yield* provider(request).pipe(
        Effect.provideService(FetchHttpClient.RequestInit, { headers: { "x-proxy": "1" }, redirect: "follow" })
      )
      const [sent] = yield* network.requests
      expect(sent?.headers["x-proxy"]).toBe("1")
    }).pipe(Effect.provide(world(variables))))
})
