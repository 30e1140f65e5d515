/**
 * Malformed replies of a server at the place of Redis: garbage in RESP, values of other kinds, and silence. A storage
 * reports each as a `TokenStorageError`, so that a provider carries on without it.
 */
import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Exit, Redacted } from "effect"
import { makeAnswering } from "./support/fakeRedis.ts"
import { encryptionKey, makeKey } from "./support/storage.ts"

const huge = "x".repeat(2 * 1024 * 1024)

/** The reply to every command that reads or runs a script, as on the wire. */
const rows: ReadonlyArray<readonly [input: string, section: string, reply: string, outcome: string]> = [
  [
    "an error that the value is of another kind",
    "CWE-843",
    "-WRONGTYPE Operation against a key holding the wrong kind of value",
    "Unavailable"
  ],
  [
    "an error that repeats the password of the client",
    "CWE-209",
    "-ERR invalid password sesame",
    "Refused"
  ],
  ["an error with an escape sequence of a terminal", "CWE-150", "-ERR \u001b[2J\u001b]0;owned\u0007", "Unavailable"],
  ["an integer", "CWE-843", ":42", "Unavailable"],
  ["an array", "CWE-843", "*2\r\n$1\r\na\r\n$1\r\nb", "Unavailable"],
  ["an array in an array", "CWE-843", "*1\r\n*1\r\n*1\r\n:1", "Unavailable"],
  ["an empty text", "CWE-20", "$0\r\n", "nothing"],
  ["a text that is no record", "CWE-20", "$6\r\ncanary", "Damaged"],
  ["a text of bytes that are not UTF-8", "CWE-20", "$2\r\n\u00ff\u00fe", "Damaged"],
  ["a text of 2 MiB", "CWE-770", `$${huge.length}\r\n${huge}`, "Damaged"],
  ["a length of minus two", "CWE-20", "$-2", "nothing"],
  ["a reply of an unknown kind", "CWE-20", "!garbage", "Unavailable"],
  ["a page of HTTP", "CWE-20", "HTTP/1.1 400 Bad Request", "Unavailable"]
]

describe("a server at the place of Redis replies with", () => {
  for (const [input, section, reply, outcome] of rows) {
    it.scopedLive(`${input} (${section}): ${outcome}`, () =>
      Effect.gen(function*() {
        const url = yield* makeAnswering({
          get: reply,
          getex: reply,
          eval: reply,
          evalsha: reply,
          strlen: reply,
          getrange: reply,
          info: "$0\r\n",
          ping: "+PONG"
        })
        const storage = yield* RedisTokenStorage.make({
          url: Redacted.make(url.replace("//", "//:sesame@")),
          encryptionKey,
          commandTimeout: 500
        })
        const exit = yield* Effect.exit(Effect.either(Effect.timeout(storage.get(makeKey()), "20 seconds")))
        if (Exit.isFailure(exit)) return yield* Effect.dieMessage("a defect")
        const found = Either.match(exit.value, {
          onLeft: (error) => {
            expect(error.message).not.toContain("sesame")
            expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
            return "reason" in error ? error.reason : "hangs"
          },
          onRight: ({ _tag }) => _tag === "None" ? "nothing" : "a token"
        })
        expect(found).toBe(outcome)
      }))
  }
})
