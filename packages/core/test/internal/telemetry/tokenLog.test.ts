import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, LogLevel, TestClock } from "effect"
import { AccessToken, Challenge, OAuthError, OAuthEvent, TokenStorage } from "../../../src/index.ts"
import { TokenLog } from "../../../src/internal/telemetry/tokenLog.ts"
import { logging } from "../../support/logging.ts"
import { environment, makeImpatientProvider, makeProvider, settle, valueOf, watch } from "../../support/provider.ts"
import { makeToken } from "../../support/storage.ts"

const hour = environment({ tokenLifetime: "1 hour" })

const levels = (lines: ReadonlyArray<{ readonly level: string }>) => lines.map(({ level }) => level)

describe("the log of a provider", () => {
  it.effect.each(
    [[90_000, "1m 30s"], [1_000, "1s"], [999, "less than 1s"], [1, "less than 1s"]] as const
  )(
    "a warning about a held token that lives for %d ms more says that it expires in %s",
    ([left, shown]) =>
      logging(LogLevel.Warning, (lines) =>
        Effect.gen(function*() {
          const error = new OAuthError.DiscoveryError({ reason: "Unavailable", url: "https://a", description: "Down." })
          const event = OAuthEvent.RenewalFailed({ error, reason: "Scheduled" })
          yield* new TokenLog().write(event, makeToken(0, 100_000), 100_000 - left)
          expect(lines[0]?.message).toContain(`The held token stays in use; it expires in ${shown}.`)
        }))
  )

  it.scoped("a day without incidents has no line at Info, and one for each token at Debug", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const { clientId, issuer, serverUrl } = yield* TestServers.TestServers
        const provider = yield* makeProvider()
        const first = yield* provider.accessToken
        yield* Effect.forEach(
          Array.from({ length: 24 }),
          () => Effect.zipRight(provider.accessToken, TestClock.adjust("1 hour"))
        )
        expect(new Set(levels(lines))).toEqual(new Set(["DEBUG"]))
        expect(lines.length).toBeGreaterThan(20)
        expect(lines[0]).toEqual({
          level: "DEBUG",
          message: "Token obtained.",
          annotations: {
            "oauth.resource": serverUrl,
            "oauth.client.id": clientId,
            "oauth.issuer": issuer,
            "oauth.token.fingerprint": AccessToken.fingerprint(first),
            "oauth.token.expires_in": 3600
          }
        })
        expect(lines[1]).toMatchObject({ message: "Token renewed.", annotations: { "oauth.reason": "scheduled" } })
      })).pipe(Effect.provide(hour)))

  it.scoped("while callers wait for the next attempt the warning says that they wait, and not that calls fail", () =>
    logging(LogLevel.Info, (lines) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeProvider()
        yield* network.always("token", Answer.status(503))
        const caller = yield* Effect.fork(Effect.exit(provider.accessToken))
        yield* TestClock.adjust("2 seconds")
        expect(lines.map(({ level, message }) => [level, message.replace(/^.*\. /, "")])).toEqual([
          ["WARN", "Callers wait for the next attempt."]
        ])
        yield* TestClock.adjust("30 seconds")
        yield* Fiber.join(caller)
        expect(levels(lines)).toEqual(["WARN", "WARN"])
        expect(lines[1]?.message).toContain("Calls fail until there is a token.")
      })).pipe(Effect.provide(hour)))

  it.scoped("an outage has one warning at its beginning, one when calls fail, and a line at its end", () =>
    logging(LogLevel.Info, (lines) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeImpatientProvider()
        yield* provider.accessToken
        yield* network.clear
        yield* network.always("token", Answer.status(503))
        for (let minute = 0; minute < 52; minute++) {
          yield* TestClock.adjust("1 minute")
          yield* provider.accessToken
        }
        // A warning is repeated after ten minutes, and the token is due for less than twice that.
        const inHand = lines.length
        expect([1, 2]).toContain(inHand)
        expect(yield* network.count("token")).toBeGreaterThan(inHand)
        expect(lines[0]?.annotations).toMatchObject({ "oauth.reason": "scheduled", "error.type": "503" })
        expect(lines[0]?.message).toContain("answered 503")
        expect(lines[0]?.message).toMatch(/The held token stays in use; it expires in \d+m/)
        lines.length = 0
        for (let minute = 0; minute < 12; minute++) {
          yield* TestClock.adjust("1 minute")
          yield* Effect.exit(provider.accessToken)
        }
        expect(new Set(levels(lines))).toEqual(new Set(["WARN"]))
        expect(lines.filter(({ message }) => message.includes("Calls fail until there is a token."))).toHaveLength(1)
        lines.length = 0
        const attempts = yield* network.count("token")
        yield* network.restore
        yield* TestClock.adjust("5 minutes")
        yield* provider.accessToken
        expect(lines).toMatchObject([{ level: "INFO" }])
        expect(lines.at(-1)?.message).toMatch(new RegExp(`again, after ${attempts} failed attempts in \\d+m`))
      })).pipe(Effect.provide(hour)))

  it.scoped("a final refusal has one warning, which says what to correct", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeProvider()
        yield* network.always("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
        yield* Effect.flip(provider.accessToken)
        expect(levels(lines)).toEqual(["WARN"])
        expect(lines[0]?.message).toContain("Check the client id")
        expect(lines[0]?.message).toContain("Calls fail until this is corrected.")
      })).pipe(Effect.provide(hour)))

  it.scoped("a failing storage has one warning in ten minutes for each operation", () =>
    logging(LogLevel.Info, (lines) =>
      Effect.gen(function*() {
        const dies = () => Effect.die("a bug")
        const storage = TokenStorage.make({ get: dies, set: dies, remove: dies, lease: dies })
        const provider = yield* makeProvider().pipe(Effect.provideService(TokenStorage.TokenStorage, storage))
        const renew = Effect.flatMap(provider.accessToken, (token) => provider.renew(token))
        yield* renew
        yield* settle
        const warnings = () => lines.filter(({ level }) => level === "WARN").length
        expect(warnings()).toBe(3)
        yield* TestClock.adjust("6 minutes")
        yield* renew
        expect(warnings()).toBe(3)
        yield* TestClock.adjust("4 minutes")
        yield* renew
        yield* settle
        expect(warnings()).toBe(6)
      })).pipe(Effect.provide(hour)))

  const challenge = (header: string) => Challenge.fromHeader(header)

  it.scoped("a rejected token has a line at Info with its fingerprint", () =>
    logging(LogLevel.Info, (lines) =>
      Effect.gen(function*() {
        const provider = yield* makeProvider()
        const token = yield* provider.accessToken
        yield* provider.renew(token)
        expect(lines).toMatchObject([
          {
            level: "INFO",
            message: "The MCP server rejected a token that had not expired.",
            annotations: { "oauth.token.fingerprint": AccessToken.fingerprint(token) }
          }
        ])
      })).pipe(Effect.provide(hour)))

  it.effect.each(
    [
      ["the description", `Bearer error="invalid_token", error_description="wrong audience"`, ` "wrong audience".`],
      ["the code where there is no description", `Bearer error="invalid_token"`, ` "invalid_token".`],
      [
        "the code where the description is empty",
        `Bearer error="invalid_token", error_description=""`,
        ` "invalid_token".`
      ],
      ["200 characters", `Bearer error_description="${"x".repeat(5000)}"`, ` "${"x".repeat(200)}…".`],
      ["one line", `Bearer error_description="a\nb\u001b[1mc"`, ` "a b [1mc".`],
      ["no JWT", `Bearer error_description="not eyJhbGciOiJub25lIn0.e30.x"`, ` "not <redacted>".`]
    ] satisfies ReadonlyArray<readonly [string, string, string]>
  )(
    "the line of a rejected token quotes %s of the server",
    ([, header, text]) =>
      logging(LogLevel.Info, (lines) =>
        Effect.gen(function*() {
          const provider = yield* makeProvider()
          yield* provider.renew(yield* provider.accessToken, challenge(header))
          expect(lines[0]?.message).toBe(`The MCP server rejected a token that had not expired. The server says${text}`)
        })).pipe(Effect.scoped, Effect.provide(hour))
  )

  it.scoped("a server that repeats the token in its challenge puts it into neither the log nor the event", () =>
    logging(LogLevel.Info, (lines) =>
      Effect.gen(function*() {
        const provider = yield* makeProvider()
        const seen = yield* watch(provider)
        const token = yield* provider.accessToken
        yield* provider.renew(token, challenge(`Bearer error_description="${valueOf(token)} is revoked", x=1`))
        expect(lines[0]?.message).toContain(`The server says "<redacted> is revoked".`)
        const rejected = (yield* seen).find(OAuthEvent.is("TokenRejected"))
        expect(Object.fromEntries(rejected?.challenge?.parameters ?? [])).toEqual({
          error_description: "<redacted> is revoked",
          x: "1"
        })
      })).pipe(Effect.provide(hour)))
})
