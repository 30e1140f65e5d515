/**
 * Malformed answers of the sources of workload identity. Each row states the reason of the error, or that the assertion
 * is used. No answer is a defect, and no message has more than one line or a part of the answer that may be secret.
 */
import type { AssertionSource } from "@effect-mcp-auth/core/Assertion"
import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import {
  AzureManagedIdentity,
  Command,
  File,
  GitHubActions,
  GoogleMetadata,
  HttpEndpoint
} from "@effect-mcp-auth/workload-identity"
import { FileSystem, HttpClientRequest } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Exit, Layer, TestClock } from "effect"
import { good, request, world } from "./support.ts"

const text = (body: string, status = 200): Answer.Answer =>
  Answer.text(body, { status, contentType: "application/json" })

/** The answers, and the outcome at each of the four sources over HTTP: Azure, Google, GitHub and `HttpEndpoint`. */
const answers: ReadonlyArray<readonly [input: string, answer: Answer.Answer, outcomes: string]> = [
  ["an empty body", text(""), "Malformed, Unavailable, Malformed, Malformed"],
  ["white space", text(" \r\n"), "Malformed, Unavailable, Malformed, Malformed"],
  ["null", text("null"), "Malformed, Unavailable, Malformed, Malformed"],
  ["an array", text("[]"), "Malformed, Unavailable, Malformed, Malformed"],
  ["broken JSON", text("{\"value\":"), "Malformed, Unavailable, Malformed, Malformed"],
  ["100,000 nested brackets", text("[".repeat(100_000)), "Malformed, Malformed, Malformed, Malformed"],
  [
    "the token inside of `__proto__`",
    text(`{"__proto__":{"value":"${good()}","access_token":"${good()}"}}`),
    "Malformed, Unavailable, Malformed, Malformed"
  ],
  [
    "a token that is a number",
    text("{\"value\":1,\"access_token\":1,\"data\":{\"token\":1}}"),
    "Malformed, Unavailable, Malformed, Malformed"
  ],
  [
    "a token that is an object",
    text("{\"value\":{},\"access_token\":{},\"data\":{\"token\":{}}}"),
    "Malformed, Unavailable, Malformed, Malformed"
  ],
  ["an HTML page", Answer.html(), "Malformed, Unavailable, Malformed, Malformed"],
  [
    "an HTML page with status 403",
    Answer.html("<p>canary</p>", { status: 403 }),
    "Refused, Unavailable, Refused, Refused"
  ],
  ["a body of 2 MiB", text("x".repeat(2 * 1024 * 1024)), "Malformed, Malformed, Malformed, Malformed"],
  ["an answer that never comes", Answer.never, "Unavailable, Unavailable, Unavailable, Unavailable"],
  ["a broken connection", Answer.dropped, "Unavailable, Unavailable, Unavailable, Unavailable"],
  [
    "a redirect to another host",
    Answer.redirect("https://stranger.example.com/token"),
    "Refused, Unavailable, Refused, Refused"
  ],
  [
    "an error with control characters",
    text("{\"error\":\"x\\u001b[2J\\nlevel=INFO\",\"error_description\":\"a\\nb\"}", 400),
    "Refused, Unavailable, Refused, Refused"
  ],
  [
    "a 500 with a JWT in its text",
    text(`{"error":"${good()}"}`, 500),
    "Unavailable, Unavailable, Unavailable, Unavailable"
  ]
]

const sources = {
  Azure: AzureManagedIdentity.make({ audience: "api://AzureADTokenExchange" }),
  Google: GoogleMetadata.make(),
  GitHub: GitHubActions.make(),
  HttpEndpoint: HttpEndpoint.make({
    request: HttpClientRequest.get("https://vault.example.com/token"),
    path: ["data", "token"]
  })
}

const variables = {
  ACTIONS_ID_TOKEN_REQUEST_URL: "https://actions.example.com/token?api-version=2",
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: "canary-request-token"
}

/** Lets time pass until the source is done, and describes the result. */
const outcomeOf = <E, R>(source: Effect.Effect<AssertionSource, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(Effect.either(Effect.flatMap(source, (provider) => provider(request))))
    for (let step = 0; step < 40 && fiber.unsafePoll() === null; step++) yield* TestClock.adjust("15 seconds")
    const exit = fiber.unsafePoll()
    if (exit === null) return "hangs"
    if (Exit.isFailure(exit)) return "a defect"
    const result = exit.value
    if (Either.isRight(result)) return "used"
    const error: unknown = result.left
    const message = error instanceof Error ? error.message : ""
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    expect(message.length).toBeLessThanOrEqual(1200)
    return typeof error === "object" && error !== null && "reason" in error ? String(error.reason) : String(error)
  })

describe("malformed answers of Azure, Google, GitHub and HttpEndpoint", () => {
  for (const [input, answer, outcomes] of answers) {
    it.scoped(`${input} (RFC 7521 §4.1) ends in: ${outcomes}`, () =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        for (
          const origin of [
            "http://169.254.169.254",
            "http://metadata.google.internal",
            "https://actions.example.com",
            "https://vault.example.com"
          ]
        ) {
          yield* network.serve(origin, () => Effect.sync(() => new Response(null, { status: 404 })))
        }
        yield* network.always(() => true, answer)
        const all = [
          yield* outcomeOf(sources.Azure),
          yield* outcomeOf(sources.Google),
          yield* outcomeOf(sources.GitHub),
          yield* outcomeOf(sources.HttpEndpoint)
        ]
        expect(all.join(", ")).toBe(outcomes)
      }).pipe(Effect.provide(world(variables))))
  }
})

/** The clock of these tests is that of the machine. */
const valid = good({ exp: 9e9 })

const contents: ReadonlyArray<
  readonly [input: string, content: string | Uint8Array, fromFile: string, fromCommand: string]
> = [
  ["an empty file", "", "Unavailable", "Malformed"],
  ["white space", " \n", "Unavailable", "Malformed"],
  ["a text that is no JWT", "canary", "Unavailable", "Malformed"],
  ["a JWT with a line break at its end", `${valid}\n`, "used", "used"],
  ["two JWTs", `${valid}\n${valid}`, "Unavailable", "Malformed"],
  ["a JWT in quotation marks", `"${valid}"`, "Unavailable", "Malformed"],
  ["a byte order mark before a JWT", `\ufeff${valid}`, "used", "used"],
  ["a JWT in UTF-16", new Uint8Array(Buffer.from(`\ufeff${valid}`, "utf16le")), "Unavailable", "Malformed"],
  ["NUL bytes, as after a power failure", "\0".repeat(400), "Unavailable", "Malformed"],
  ["a cut JWT", valid.slice(0, 40), "Unavailable", "Malformed"],
  ["JSON with a JWT in it", JSON.stringify({ token: valid }), "Unavailable", "Malformed"],
  ["a file of 2 MiB", "x".repeat(2 * 1024 * 1024), "Malformed", "Malformed"],
  ["an HTML page", "<!doctype html>", "Unavailable", "Malformed"]
]

const environment = Layer.merge(world(), NodeContext.layer)

describe("malformed contents of a token file", () => {
  for (const [input, content, outcome] of contents) {
    it.scopedLive(`${input} (RFC 7521 §4.1) ends in: ${outcome}`, () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = `${yield* fs.makeTempDirectoryScoped()}/token`
        yield* typeof content === "string" ? fs.writeFileString(path, content) : fs.writeFile(path, content)
        const result = yield* Effect.either(Effect.flatMap(File.make({ path }), (provider) => provider(request)))
        const word = Either.isRight(result)
          ? "used"
          : "reason" in result.left
          ? result.left.reason
          : result.left._tag
        expect(word).toBe(outcome)
      }).pipe(Effect.provide(environment)))
  }
})

describe("malformed outputs of a command", () => {
  for (const [input, content, , outcome] of contents.filter(([, content]) => typeof content === "string")) {
    it.scopedLive(`${input} (RFC 7521 §4.1) ends in: ${outcome}`, () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = `${yield* fs.makeTempDirectoryScoped()}/output`
        yield* fs.writeFileString(path, String(content))
        const result = yield* Effect.either(
          Effect.flatMap(Command.make({ command: "cat", args: [path] }), (provider) => provider(request))
        )
        const word = Either.isRight(result)
          ? "used"
          : "reason" in result.left
          ? result.left.reason
          : result.left._tag
        expect(word).toBe(outcome)
      }).pipe(Effect.provide(environment)))
  }
})
