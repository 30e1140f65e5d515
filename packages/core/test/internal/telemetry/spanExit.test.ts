import { Answer, TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Option, Redacted } from "effect"
import { inspect } from "node:util"
import { OAuthHttpClient } from "../../../src/index.ts"
import { withHarmlessSpans } from "../../../src/internal/telemetry/spanExit.ts"
import { environment, impatient, layerProvider, makeImpatientProvider } from "../../support/provider.ts"
import { makeTracer } from "../../support/tracing.ts"

interface Ended {
  readonly name: string
  readonly exit: Exit.Exit<unknown, unknown>
}

/** Runs an effect with a tracer that keeps the exits of all spans. */
const traced = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const ended: Array<Ended> = []
    const tracer = yield* makeTracer((span) => {
      const end = span.end.bind(span)
      Object.assign(span, {
        end: (endTime: bigint, exit: Exit.Exit<unknown, unknown>) => {
          ended.push({ name: span.name, exit })
          end(endTime, exit)
        }
      })
    })
    const exit = yield* Effect.exit(Effect.withTracer(effect, tracer))
    return { ended, exit }
  })

/** Everything within a value, without the methods by which the value hides something. */
const everything = (value: unknown): string =>
  inspect(value, {
    depth: Infinity,
    showHidden: true,
    customInspect: false,
    maxStringLength: null,
    maxArrayLength: null
  })

/** A body of bytes is printed as numbers. */
const asBytes = (text: string): string => [...new TextEncoder().encode(text)].join(", ")

/** The credentials of the test servers' client, in each form in which a request has them. */
const credentials = Effect.map(TestServers.TestServers, ({ clientId, clientSecret }) => {
  const secret = Redacted.value(clientSecret)
  const form = new URLSearchParams({ client_secret: secret }).toString()
  const basic = [clientId, secret].map((part) => new URLSearchParams([["", part]]).toString().slice(1)).join(":")
  return [secret, form, asBytes(form), Buffer.from(basic).toString("base64"), "Bearer ", "Basic "]
})

const methods = ["client_secret_basic", "client_secret_post"] as const

const answers: ReadonlyArray<readonly [name: string, answer: Answer.Answer | undefined]> = [
  ["succeeds", undefined],
  ["is refused", Answer.json({ error: "invalid_client" }, { status: 401 })],
  ["has an answer that breaks off", Answer.truncated],
  ["has no answer", Answer.dropped]
]

describe("the exits of the spans of a provider hold no credential", () => {
  it.scoped.each(methods.flatMap((method) => answers.map(([name, answer]) => [method, name, answer] as const)))(
    "when a token request with %s %s",
    ([tokenEndpointAuthMethod, name, answer]) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        if (answer !== undefined) yield* network.always("token", answer)
        const { ended } = yield* traced(
          // The requests are those of the provider, whose tracer is that of its making.
          Effect.scoped(
            Effect.flatMap(makeImpatientProvider({ tokenEndpointAuthMethod }), (provider) => provider.accessToken)
          )
        )
        const names = ended.map((one) => one.name.replace("http.client ", ""))
        expect(names).toContain("POST")
        expect(names).toContain("GET")
        const [post] = ended.filter((one) => one.name.endsWith("POST"))
        // Whether the span of a refused request counts as failed differs between the lines of Effect.
        const expected = name === "has no answer" ? "Failure" : name === "is refused" ? post?.exit._tag : "Success"
        expect(post?.exit._tag).toBe(expected)
        for (const needle of yield* credentials) {
          for (const { exit } of ended) expect(everything(exit)).not.toContain(needle)
        }
      }).pipe(Effect.provide(environment()))
  )

  it.effect.each(answers.filter(([name]) => !name.includes("breaks off")))(
    "when an authenticated request %s",
    ([, answer]) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        if (answer !== undefined) yield* network.always("resource", answer)
        const { ended, exit } = yield* traced(
          Effect.flatMap(
            HttpClient.HttpClient,
            (client) => client.execute(HttpClientRequest.get("https://mcp.example.com/mcp"))
          ).pipe(Effect.provide(OAuthHttpClient.layer.pipe(Layer.provide(layerProvider(impatient)))))
        )
        expect(ended.length).toBeGreaterThan(1)
        for (const needle of yield* credentials) {
          for (const one of ended) expect(everything(one.exit)).not.toContain(needle)
          // The response that the caller gets is made of the caller's own request.
          expect(exit._tag === "Success" ? everything(exit.value.request) : "").not.toContain(needle)
        }
      }).pipe(Effect.provide(environment()))
  )
})

describe("withHarmlessSpans", () => {
  const inSpan = <A, E>(effect: Effect.Effect<A, E>) =>
    traced(withHarmlessSpans(withHarmlessSpans(Effect.withSpan(effect, "span"))))

  const request = Object.assign(new Error("refused"), {
    request: { authorization: "credential" },
    code: "ECONNREFUSED"
  })

  it.effect("keeps the kind of an exit, and what the caller gets", () =>
    Effect.gen(function*() {
      const success = yield* inSpan(Effect.succeed("result"))
      assert.deepStrictEqual(success.exit, Exit.succeed("result"))
      assert.deepStrictEqual(success.ended, [{ name: "span", exit: Exit.void }])

      const failure = yield* inSpan(Effect.fail("why"))
      for (const exit of [failure.exit, failure.ended[0]?.exit]) {
        assert(exit !== undefined && Exit.isFailure(exit))
        assert.deepStrictEqual(Cause.failureOption(exit.cause), Option.some("why"))
      }

      const interrupted = yield* inSpan(Effect.interrupt)
      expect(interrupted.ended[0]?.exit).toSatisfy(Exit.isInterrupted)
    }))

  it.effect.each<readonly [name: string, cause: Cause.Cause<unknown>]>([
    ["a failure", Cause.fail(request)],
    ["a defect", Cause.die(request)],
    ["a failure and a defect", Cause.parallel(Cause.fail(request), Cause.sequential(Cause.die(request), Cause.empty))]
  ])("takes the request out of %s, and keeps the message and the code", ([, cause]) =>
    Effect.gen(function*() {
      const { ended } = yield* inSpan(Effect.failCause(cause))
      const text = everything(ended[0]?.exit)
      expect(text).not.toContain("credential")
      expect(text).toContain("refused")
      expect(text).toContain("ECONNREFUSED")
    }))
})
