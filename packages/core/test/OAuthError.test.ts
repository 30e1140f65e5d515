import { assert, describe, expect, it } from "@effect/vitest"
import { HttpClientError, HttpClientRequest } from "@effect/platform"
import { Cause, Effect, FiberId, Option, Redacted, Runtime } from "effect"
import { inspect } from "node:util"
import { OAuthError } from "../src/index.ts"

const secret = Redacted.make("canary-secret")
const url = "https://auth.example.com/token"

const discovery = (reason: OAuthError.DiscoveryError["reason"]) =>
  new OAuthError.DiscoveryError({ reason, url, description: "It did not work. Try again." })
const tokenEndpoint = (reason: OAuthError.TokenEndpointError["reason"]) =>
  new OAuthError.TokenEndpointError({ reason, url, description: "It did not work. Try again.", code: "invalid_client" })
const assertion = (reason: OAuthError.AssertionError["reason"]) =>
  new OAuthError.AssertionError({ reason, description: "It did not work. Try again." })
const mismatch = (reason: OAuthError.IssuerMismatch["reason"], actual = ["https://a.example", "https://b.example"]) =>
  new OAuthError.IssuerMismatch({ reason, expected: "https://auth.example.com", actual, url: "https://m.example/doc" })
const insecure = (reason: OAuthError.InsecureEndpoint["reason"], namedBy?: string) =>
  new OAuthError.InsecureEndpoint({
    reason,
    endpoint: "token endpoint",
    url,
    ...(namedBy === undefined ? {} : { namedBy })
  })
const resourceMismatch = new OAuthError.ResourceMismatch({
  expected: "https://mcp.example.com/mcp",
  actual: "https://other.example",
  url: "https://m.example/doc"
})

describe("an error's message says what went wrong, where, and what to do", () => {
  const cases: ReadonlyArray<readonly [Error, string]> = [
    [discovery("NotFound"), "It did not work. Try again."],
    [tokenEndpoint("Refused"), "It did not work. Try again."],
    [assertion("Expired"), "It did not work. Try again."],
    [
      new OAuthError.TokenStorageError({ operation: "get", description: "the file is gone." }),
      "TokenStorage.get: the file is gone."
    ],
    [
      mismatch("Metadata", ["https://a.example"]),
      "https://m.example/doc is the metadata of issuer \"https://a.example\", but issuer \"https://auth.example.com\" " +
      "was asked for (RFC 8414 §3.3). Set `issuer` to exactly what the authorization server calls itself, or give its " +
      "metadata."
    ],
    [
      mismatch("NotListed"),
      "https://m.example/doc lists the authorization servers \"https://a.example\", \"https://b.example\", and not " +
      "\"https://auth.example.com\", which is pinned as `issuer`. No credential was sent. Correct `issuer`, or ask the " +
      "server's operator."
    ],
    [
      mismatch("Changed"),
      "https://m.example/doc now names the authorization server \"https://a.example\", \"https://b.example\" in place " +
      "of \"https://auth.example.com\". No credential was sent there. If the change is right, pin `issuer`; a " +
      "client with a key may also set `authorizationServerChange: \"follow\"`."
    ],
    [
      resourceMismatch,
      "https://m.example/doc describes the resource \"https://other.example\", which does not cover " +
      "\"https://mcp.example.com/mcp\" (RFC 9728 §3.3). No token was requested. Use the server URL that its operator " +
      "publishes."
    ],
    [
      insecure("NotHttps"),
      `The token endpoint "${url}" is not https. Nothing was sent. Use https; plain http is for loopback hosts and those in \`insecureHosts\` only.`
    ],
    [
      insecure("NotHttps", "https://mcp.example.com"),
      `The token endpoint "${url}", named by https://mcp.example.com, is not https. Nothing was sent. Use https; plain ` +
      "http is for loopback hosts and those in `insecureHosts` only."
    ],
    [
      insecure("PrivateAddress", "https://mcp.example.com"),
      `The token endpoint "${url}", named by https://mcp.example.com, is on a private address that a public host must ` +
      "not name. Nothing was sent. If it is right, pin `issuer` or give `tokenEndpoint` yourself."
    ],
    [new OAuthError.InvalidOptions({ option: "issuer", description: "it is empty." }), "`issuer`: it is empty."]
  ]
  it.each(cases)("the message of %s", (error, message) => {
    expect(error.message).toBe(message)
    expect(String(error)).toContain(message)
    expect(error.stack).toContain(message)
  })
})

describe("text from outside appears in a message as one line of at most 200 characters", () => {
  it.each([
    ["a line break and an escape sequence", ["https://a.example/\r\n\u001b[31mx"], "\"https://a.example/ [31mx\""],
    ["a long name", [`https://${"a".repeat(5000)}`], `"https://${"a".repeat(192)}…"`],
    ["many names", ["a", "b", "c", "d"], "\"a\", \"b\", \"c\", …"],
    ["no name", [], "none"]
  ])("for example %s", (_, actual, shown) => {
    for (const reason of ["Metadata", "NotListed", "Changed"] as const) {
      const { message } = mismatch(reason, actual)
      expect(message).toContain(` ${shown}`)
      expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      expect(message.length).toBeLessThan(700)
    }
  })
})

describe("isTransient: whether the same attempt may succeed later", () => {
  it.each([
    [discovery("Unavailable"), true],
    [discovery("NotFound"), false],
    [discovery("NoAuthorizationServer"), false],
    [discovery("UnsupportedClientAuthentication"), false],
    [tokenEndpoint("Unavailable"), true],
    [tokenEndpoint("Refused"), false],
    [tokenEndpoint("InvalidResponse"), false],
    [assertion("Unavailable"), true],
    [assertion("Expired"), false],
    [assertion("NotYetValid"), false],
    [assertion("WrongAudience"), false],
    [assertion("Malformed"), false],
    [mismatch("Changed"), false],
    [mismatch("NotListed"), false],
    [mismatch("Metadata"), false],
    [insecure("NotHttps"), false],
    [insecure("PrivateAddress"), false],
    [resourceMismatch, false]
  ])("%s is transient: %s", (error, expected) => {
    expect(OAuthError.isTransient(error)).toBe(expected)
  })
})

describe("fromUnknown: the OAuthError in any error", () => {
  const error = tokenEndpoint("Refused")
  const request = HttpClientRequest.get("https://mcp.example.com/mcp")
  const requestError = new HttpClientError.RequestError({ request, reason: "Encode", cause: error })
  const wrapped = (depth: number): Error => depth === 0 ? error : new Error("wrapped", { cause: wrapped(depth - 1) })

  it.each<readonly [name: string, unknown: unknown]>([
    ["the error itself", error],
    ["the cause of a RequestError", requestError],
    ["the cause of the cause of an Error", wrapped(2)],
    ["the cause of an UnknownException", new Cause.UnknownException(error)],
    ["the cause of an object that is not an Error", { cause: error }],
    ["a failure of a Cause", Cause.fail(error)],
    ["the cause of a failure of a Cause", Cause.fail(requestError)],
    ["a defect of a Cause", Cause.die(error)],
    [
      "the second failure of a Cause",
      Cause.parallel(Cause.fail(new Error("other")), Cause.sequential(Cause.interrupt(FiberId.none), Cause.fail(error)))
    ],
    ["the error that a promise of an effect rejects with", Runtime.makeFiberFailure(Cause.fail(requestError))],
    [
      "the cause of an Error that wraps such an error",
      new Error("x", { cause: Runtime.makeFiberFailure(Cause.fail(error)) })
    ]
  ])("finds %s", (_, unknown) => {
    expect(Option.getOrUndefined(OAuthError.fromUnknown(unknown))).toBe(error)
  })

  it.each([
    discovery("NotFound"),
    tokenEndpoint("Unavailable"),
    assertion("Expired"),
    mismatch("Changed"),
    insecure("NotHttps"),
    resourceMismatch
  ])("finds a %s", (oauthError) => {
    expect(Option.getOrUndefined(OAuthError.fromUnknown(oauthError))).toBe(oauthError)
  })

  const cyclic: { cause?: unknown } = {}
  cyclic.cause = cyclic
  it.each<readonly [name: string, unknown: unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["a text", "TokenEndpointError"],
    ["another Error", new Error("other")],
    ["an object with the tag alone", { _tag: "TokenEndpointError" }],
    ["an error about an option", new OAuthError.InvalidOptions({ option: "issuer", description: "it is empty." })],
    ["an object that is its own cause", cyclic],
    ["an empty Cause", Cause.empty],
    ["an interruption", Cause.interrupt(FiberId.none)],
    ["an error under 17 wrappers", wrapped(17)]
  ])("finds nothing in %s", (_, unknown) => {
    expect(OAuthError.fromUnknown(unknown)).toEqual(Option.none())
  })

  it("finds an error under 16 wrappers", () => {
    expect(Option.getOrUndefined(OAuthError.fromUnknown(wrapped(16)))).toBe(error)
  })

  it.effect("finds the error that Effect.runPromise rejects with", () =>
    Effect.gen(function*() {
      const rejection = yield* Effect.flip(
        Effect.tryPromise({ try: () => Effect.runPromise(Effect.fail(error)), catch: (rejection) => rejection })
      )
      expect(Option.getOrUndefined(OAuthError.fromUnknown(rejection))).toBe(error)
    }))
})

describe("an error with a secret in its cause does not show the secret in text, JSON or inspection", () => {
  const cause = { authorization: secret, nested: [secret], error: new Error("refused") }
  it.each([
    new OAuthError.TokenEndpointError({ reason: "Unavailable", url, description: "down", cause }),
    new OAuthError.DiscoveryError({ reason: "Unavailable", url, description: "down", cause }),
    new OAuthError.AssertionError({ reason: "Unavailable", description: "down", cause }),
    new OAuthError.TokenStorageError({ operation: "set", description: "down", cause })
  ])("%s", (error) => {
    expect(error.cause).toBe(cause)
    for (
      const text of [
        String(error),
        error.stack,
        JSON.stringify(error),
        inspect(error, { depth: Infinity, showHidden: true }),
        Cause.pretty(Cause.fail(error), { renderErrorCause: true })
      ]
    ) {
      expect(text).toContain("down")
      expect(text).not.toContain(Redacted.value(secret))
    }
  })

  it.effect("an error fails an effect when it is yielded, and is caught by its tag", () =>
    Effect.gen(function*() {
      const error = yield* tokenEndpoint("Refused").pipe(Effect.catchTag("TokenEndpointError", Effect.succeed))
      expect(error.code).toBe("invalid_client")
      assert.instanceOf(error, OAuthError.TokenEndpointError)
    }))
})
