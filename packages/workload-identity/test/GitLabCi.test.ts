import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { GitLabCi } from "@effect-mcp-auth/workload-identity"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Redacted, TestClock } from "effect"
import { environment, failureOf, good, jwt, request } from "./support.ts"

const options = { variable: "MCP_ID_TOKEN" }
const job = (value: string) => Effect.provide(environment({ MCP_ID_TOKEN: value }))

describe("GitLabCi.make", () => {
  it.effect("supplies the token in the variable", () =>
    Effect.gen(function*() {
      const provider = yield* GitLabCi.make(options)
      const assertion = yield* provider(request)
      expect(Redacted.value(assertion) === good()).toBe(true)
      expect(yield* provider({ ...request, refused: [assertion] })).toBe(assertion)
    }).pipe(job(`${good()}\n`)))

  it.effect("fails without the variable, and the error says where to declare it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(GitLabCi.make(options))
      expect(error.message).toBe(
        "`MCP_ID_TOKEN`: the variable is not set. GitLab sets it if the job in .gitlab-ci.yml has " +
          "`id_tokens: MCP_ID_TOKEN: aud: ...` (GitLab 15.7 or later)."
      )
    }).pipe(Effect.provide(environment({}))))

  it.effect.each(["", "1X", "A-B", "${X}"])(
    "refuses %j as the name of the variable",
    (variable) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(GitLabCi.make({ variable }))
        assert(error._tag === "InvalidOptions")
        expect(error.option).toBe("variable")
      })
  )

  const broken: ReadonlyArray<readonly [string, string]> = [
    ["$TOKEN canary", "is not a whole JWT"],
    [`${good()}.canary`, "is not a whole JWT"],
    ["eyJhbGciOiJIUzI1NiJ9.bm90IGpzb24.AAAA", "is not a whole JWT"],
    [jwt({ aud: 7 }), "is not a whole JWT"],
    [jwt({ exp: "soon" }), "is not a whole JWT"],
    [jwt({}, { alg: "none" }), "is not signed"],
    [jwt({}, { alg: "ES256", signature: 63 }), "is cut off"],
    [jwt({}, { alg: "RS256", signature: 255 }), "is cut off"],
    [jwt({}, { alg: "RS256", signature: 250 }), "is cut off"],
    [jwt({}, { signature: 0 }), "is not signed"],
    [`${good()}=`, "is cut off"]
  ]
  it.effect.each(broken)(
    "fails when the Layer is built if the variable has no token: case %#",
    ([value, says]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(GitLabCi.make(options))
        assert(error._tag === "AssertionError")
        expect(error.reason).toBe("Malformed")
        expect(error.message).toContain(`The ID token in MCP_ID_TOKEN ${says}`)
      }).pipe(job(value))
  )

  it.effect.each([
    ["ES256", 64],
    ["EdDSA", 64],
    ["RS256", 256],
    ["PS512", 512],
    ["ML-DSA-44", 2420]
  ])("accepts a signature by %s of %d bytes", ([alg, signature]) =>
    Effect.gen(function*() {
      yield* (yield* GitLabCi.make(options))(request)
    }).pipe(job(jwt({ aud: request.audience }, { alg: String(alg), signature: Number(signature) }))))
})

describe("the ID token of a job (RFC 7523 §3)", () => {
  it.effect("is sent while it is valid", () =>
    Effect.gen(function*() {
      const provider = yield* GitLabCi.make(options)
      yield* TestClock.adjust("3599 seconds")
      yield* provider(request)
      yield* TestClock.adjust("1 second")
      const error = yield* failureOf(provider)
      expect(error.reason).toBe("Expired")
      expect(error.message).toContain(
        "The ID token in MCP_ID_TOKEN expired at 1970-01-01T01:00:00.000Z, and was not sent."
      )
    }).pipe(job(good())))

  it.effect("is not sent more than a minute before it is valid", () =>
    Effect.gen(function*() {
      const provider = yield* GitLabCi.make(options)
      expect((yield* failureOf(provider)).reason).toBe("NotYetValid")
      yield* TestClock.adjust("1 second")
      yield* provider(request)
    }).pipe(job(good({ nbf: 61 }))))

  it.effect("is not sent before it is valid, however far away that is", () =>
    Effect.gen(function*() {
      expect((yield* failureOf(yield* GitLabCi.make(options))).message).toContain("is not valid before 1e+300,")
    }).pipe(job(good({ nbf: 1e300 }))))

  it.effect.each([
    request.audience,
    `${request.issuer}/`,
    request.tokenEndpoint,
    ["https://gitlab.example", request.issuer]
  ])("is sent to the authorization server that it names: %s", (aud) =>
    Effect.gen(function*() {
      yield* (yield* GitLabCi.make(options))(request)
    }).pipe(job(good({ aud }))))

  const others: ReadonlyArray<readonly [unknown, string]> = [
    ["https://gitlab.example", "is for https://gitlab.example, and was not sent"],
    [["a", "b"], "is for a, b, and was not sent"],
    [undefined, "is for no audience"]
  ]
  it.effect.each(others)("is sent to no other authorization server: %s", ([aud, says]) =>
    Effect.gen(function*() {
      const error = yield* failureOf(yield* GitLabCi.make(options))
      expect(error.reason).toBe("WrongAudience")
      expect(error.message).toContain(says)
      expect(error.message).toContain("Get one for the audience https://auth.example.com.")
    }).pipe(job(jwt({ aud, exp: 3600 }))))

  it.effect("is sent elsewhere if `audience` names its aud", () =>
    Effect.gen(function*() {
      yield* (yield* GitLabCi.make({ ...options, audience: "api://gitlab" }))(request)
      const error = yield* failureOf(yield* GitLabCi.make({ ...options, audience: request.audience }))
      expect(error.reason).toBe("WrongAudience")
    }).pipe(job(good({ aud: "api://gitlab" }))))
})

describe("GitLabCi.layer", () => {
  it.effect("provides the assertion", () =>
    Effect.gen(function*() {
      const provider = yield* Effect.provide(AssertionProvider, GitLabCi.layer(options))
      yield* provider(request)
    }).pipe(job(good())))
})
