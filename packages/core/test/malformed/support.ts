/**
 * The shared part of all tables of malformed inputs: the form of a row, and the facts that every row must show whatever its
 * outcome is.
 */
import { describe, expect, it } from "@effect/vitest"
import { TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import * as HttpClientError from "@effect/platform/HttpClientError"
import {
  Cause,
  Effect,
  Exit,
  type Fiber,
  Layer,
  LogLevel,
  Option,
  Predicate,
  Redacted,
  type Scope,
  TestClock
} from "effect"
import { AccessToken, OAuthError, TokenStorage } from "../../src/index.ts"
import { logging } from "../support/logging.ts"

type Services = Layer.Layer.Success<typeof servers> | Scope.Scope

/** One malformed input. */
export interface Row<R = Services> {
  /** The input, as the subject of a test title. */
  readonly input: string
  /** The section that says what is right. */
  readonly section: string
  /** The reaction of the client, in the words of `describeExit`. */
  readonly outcome: string
  /** The client meets the input. */
  readonly run: Effect.Effect<unknown, unknown, R>
}

/** The rows of one kind of input. */
export interface Family {
  readonly name: string
  readonly rows: ReadonlyArray<Row>
}

const servers = Layer.merge(
  TestServers.layer({ clientSecret: Redacted.make("canary-secret+%/ü") }),
  TokenStorage.layerMemory
)

/** No malformed input costs more requests than this, whatever the servers answer. */
const MAX_REQUESTS = 12

/** The longest message of an error, in characters. */
export const MAX_MESSAGE = 1200

/** Control and format characters, and line ends of any kind. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

const describeError = (error: unknown): string => {
  if (Predicate.isTagged(error, "ConfigError")) return "ConfigError"
  const own = Option.getOrElse(OAuthError.fromUnknown(error), () => error)
  if (own instanceof TypeError) return "TypeError"
  // Effect 3 and 4 name the same reasons with and without this ending.
  if (HttpClientError.isHttpClientError(own)) return `RequestError ${own.reason.split(/(?=Error$)/)[0]}`
  if (!Predicate.isRecord(own) || typeof own["_tag"] !== "string") return `unknown failure ${String(own)}`
  const detail = own["reason"] ?? own["option"]
  return typeof detail === "string" ? `${own["_tag"]} ${detail}` : own["_tag"]
}

const describeValue = (value: unknown): string => {
  if (typeof value === "string") return value
  if (value instanceof AccessToken.AccessToken) {
    return `token [${value.scopes.join(" ")}] for ${(value.expiresAt - value.issuedAt) / 1000} s`
  }
  if (Predicate.isRecord(value) && typeof value["status"] === "number") return `status ${value["status"]}`
  return value === undefined ? "accepted" : "another value"
}

/** The outcome in a few words: the result, or the tag and the reason of the error. A defect is named as such. */
const describeExit = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.match(exit, {
    onSuccess: describeValue,
    onFailure: (cause) =>
      Option.match(Cause.failureOption(cause), {
        onNone: () => `a defect: ${Cause.pretty(cause)}`,
        onSome: describeError
      })
  })

const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

/** A turn in which timers and the platform's cryptography, which TestClock does not drive, can make progress. */
const longTurn = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1)))

/** Lets time pass until the client is done. A client that is not done after 20 minutes hangs. */
const ended = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Effect.gen(function*() {
    for (let step = 0; step < 100 && fiber.unsafePoll() === null; step++) yield* turn
    for (let step = 0; step < 200 && fiber.unsafePoll() === null; step++) yield* longTurn
    for (let step = 0; step < 40 && fiber.unsafePoll() === null; step++) yield* TestClock.adjust("30 seconds")
    return fiber.unsafePoll() ?? undefined
  })

/** Counts the promises that are rejected with nobody there to see it. */
const rejections = Effect.acquireRelease(
  Effect.sync(() => {
    const seen: Array<unknown> = []
    const listener = (reason: unknown) => void seen.push(reason)
    process.on("unhandledRejection", listener)
    return { seen, listener }
  }),
  ({ listener }) => Effect.sync(() => process.off("unhandledRejection", listener))
)

const messageOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.match(exit, {
    onSuccess: () => "",
    onFailure: (cause) =>
      Option.match(Cause.failureOption(cause), {
        onNone: () => "",
        onSome: (error) => error instanceof Error ? error.message : ""
      })
  })

/**
 * Runs a row, and shows what holds for every malformed input: the client ends, without a defect and without an
 * unhandled rejection, after a bounded number of requests, and neither its error nor its log has more than one line. The
 * leak recorder finds the secrets.
 */
export const check = <R>({ outcome, run }: Row<R>): Effect.Effect<void, never, R | Scope.Scope> =>
  logging(LogLevel.All, (lines) =>
    Effect.gen(function*() {
      const { seen } = yield* rejections
      const fiber = yield* Effect.fork(run)
      const exit = yield* ended(fiber)
      if (exit === undefined) return yield* Effect.dieMessage("the client hangs")
      expect(describeExit(exit)).toBe(outcome)
      const message = messageOf(exit)
      expect(message).not.toMatch(unprintable)
      expect(message.length).toBeLessThanOrEqual(MAX_MESSAGE)
      for (const line of lines) expect(JSON.stringify([line.message, line.annotations])).not.toMatch(escaped)
      yield* turn
      expect(seen).toEqual([])
    }))

/** Control characters as JSON writes them. */
const escaped = /\\[nrtbfu]/

/** Registers the tests of a family. */
export const describeFamily = ({ name, rows }: Family): void => {
  describe(`malformed ${name}`, () => {
    for (const row of rows) {
      it.scoped(`${row.input} (${row.section}) ends in: ${row.outcome}`, () =>
        Effect.gen(function*() {
          yield* check(row)
          const requests = yield* Effect.flatMap(TestNetwork.TestNetwork, ({ requests }) => requests)
          expect(requests.length).toBeLessThanOrEqual(MAX_REQUESTS)
        }).pipe(Effect.provide(servers)))
    }
  })
}
