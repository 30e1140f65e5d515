import { describe, expect, it } from "@effect/vitest"
import { Effect, LogLevel, Redacted, TestClock } from "effect"
import { Challenge } from "../../../src/index.ts"
import { ClientLog } from "../../../src/internal/http/clientLog.ts"
import { logging } from "../../support/logging.ts"
import { makeToken } from "../lifecycle/fixtures.ts"

const resource = "http://localhost:3000/mcp?tenant=canary"

/** Runs the lines that there are. */
const run = (...lines: ReadonlyArray<Effect.Effect<void> | undefined>) =>
  Effect.forEach(lines, (line) => line ?? Effect.void, { discard: true })

describe("a request that gets no token because of its origin", () => {
  it.effect.each(
    [
      ["http://127.0.0.1:3000/mcp?x=canary", "WARN", "http://127.0.0.1:3000"],
      ["http://[::1]:3000/mcp", "WARN", "http://[::1]:3000"],
      ["https://localhost:3000/mcp", "DEBUG", "https://localhost:3000"],
      ["http://localhost:3001/mcp", "DEBUG", "http://localhost:3001"],
      ["http://localhost/mcp", "DEBUG", "http://localhost"],
      ["http://user:canary@mcp.localhost:3000/", "WARN", "http://mcp.localhost:3000"],
      ["/mcp?x=canary", "DEBUG", "a relative or invalid URL"],
      ["data:text/plain,canary", "DEBUG", "a URL of the scheme data:"]
    ] satisfies ReadonlyArray<readonly [string, string, string]>
  )(
    "%s has one line at %s, which names both origins and serverUrl",
    ([url, level, name]) =>
      logging(LogLevel.Debug, (lines) =>
        Effect.gen(function*() {
          const log = new ClientLog(resource)
          yield* run(log.otherOrigin(url), log.otherOrigin(url))
          expect(lines).toEqual([{
            level,
            message: `A request to ${name} does not carry the provider's token, which is for http://localhost:3000 ` +
              "only. If both are the same MCP server, write its host, port and scheme in the same way for the request " +
              "and in `serverUrl`.",
            annotations: { "oauth.resource": "http://localhost:3000/mcp" }
          }])
        }))
  )

  it.effect.each(
    [
      ["http://localhost:3000/mcp", "http://127.0.0.1:3000/mcp", "WARN"],
      ["http://127.0.0.1:3000/mcp", "http://localhost:3000/mcp", "WARN"],
      ["http://localhost:3000/mcp", "http://[::1]:3000/mcp", "WARN"],
      ["http://localhost:3000/mcp", "http://127.0.0.1:3001/mcp", "DEBUG"],
      ["http://localhost:3000/mcp", "https://127.0.0.1:3000/mcp", "DEBUG"],
      ["http://localhost:3000/mcp", "http://example.com:3000/mcp", "DEBUG"],
      ["https://mcp.example.com/mcp", "https://www.example.com/mcp", "DEBUG"]
    ] satisfies ReadonlyArray<readonly [string, string, string]>
  )(
    "for the server %s a request to %s has a line at %s",
    ([server, url, level]) =>
      logging(LogLevel.Debug, (lines) =>
        Effect.gen(function*() {
          yield* run(new ClientLog(server).otherOrigin(url))
          expect(lines).toMatchObject([{ level }])
        }))
  )

  it.effect("each origin has its own line, and there are at most 20", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const log = new ClientLog(resource)
        for (let port = 1; port <= 100; port++) {
          yield* run(log.otherOrigin(`http://localhost:${port}/a`), log.otherOrigin(`http://localhost:${port}/b`))
        }
        expect(new Set(lines.map(({ message }) => message)).size).toBe(20)
        expect(lines).toHaveLength(20)
      })))
})

it.effect("a request with an Authorization of its own has one line at Debug, which names the header", () =>
  logging(LogLevel.Debug, (lines) =>
    Effect.gen(function*() {
      const log = new ClientLog(resource)
      yield* run(log.ownAuthorization(), log.ownAuthorization())
      expect(lines).toMatchObject([{ level: "DEBUG", annotations: { "oauth.resource": "http://localhost:3000/mcp" } }])
      expect(lines[0]?.message).toBe(
        "A request to http://localhost:3000 does not carry the provider's token, because the request has an " +
          "`Authorization` header of its own. To send the provider's token, remove that header from the request."
      )
    })))

describe("a token that is rejected like the one it replaced", () => {
  it.effect("has a warning, which names what servers check", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const log = new ClientLog(resource)
        const challenge = Challenge.fromHeader(`Bearer error="invalid_token", error_description="wrong aud"`)
        yield* log.rejectedAgain(makeToken(), challenge)
        expect(lines).toMatchObject([{
          level: "WARN",
          annotations: { "oauth.resource": "http://localhost:3000/mcp", "oauth.token.expires_in": 3600 }
        }])
        expect(lines[0]?.message).toContain(`The server says "wrong aud".`)
        for (
          const part of ["`resourceParameter`", "`audience`", "`additionalParameters`", "`issuer`", "`scopes`", "clock"]
        ) {
          expect(lines[0]?.message).toContain(part)
        }
      })))

  it.effect("has one warning in ten minutes, and lines at Debug before that", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const log = new ClientLog(resource)
        for (const wait of ["0 minutes", "0 minutes", "9 minutes", "1 minute", "9 minutes"] as const) {
          yield* TestClock.adjust(wait)
          yield* log.rejectedAgain(makeToken(), undefined)
        }
        expect(lines.map(({ level }) => level)).toEqual(["WARN", "DEBUG", "DEBUG", "WARN", "DEBUG"])
        expect(new Set(lines.map(({ message }) => message)).size).toBe(1)
        expect(lines[0]?.message).not.toContain("The server says")
      })))

  it.effect("is not in the warning, also where the server repeats it", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const token = makeToken()
        const header = `Bearer error_description="${Redacted.value(token.value)} is bad"`
        yield* new ClientLog(resource).rejectedAgain(token, Challenge.fromHeader(header))
        expect(lines[0]?.message).toContain(`The server says "<redacted> is bad".`)
      })))
})
