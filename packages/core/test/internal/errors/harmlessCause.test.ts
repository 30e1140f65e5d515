import { describe, expect, it } from "@effect/vitest"
import { Cause, Data } from "effect"
import { inspect } from "node:util"
import { harmlessCause } from "../../../src/internal/errors/harmlessCause.ts"

// Not one of the canaries that the recorder of leaks looks for: these errors hold it before they are copied.
const secret = "seen-by-nobody"

class Dropped extends Data.TaggedError("Dropped")<{ readonly message: string; readonly port: number }> {}

describe("harmlessCause", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED", errno: -111 })

  it.each<readonly [name: string, error: unknown]>([
    ["an error", new Error("reset")],
    ["an error with a system error as its cause", new TypeError("fetch failed", { cause: refused })],
    ["an error for several addresses", new AggregateError([refused, refused], "")],
    ["an error of Effect, which holds its arguments twice", new Dropped({ message: "reset", port: 80 })]
  ])("keeps %s as it is", (_, error) => {
    expect(harmlessCause(error)).toBe(error)
  })

  it.each<readonly [name: string, error: unknown]>([
    ["the raw answer of undici's parser", Object.assign(new Error("Expected HTTP/"), { data: `{"t":"${secret}"}` })],
    [
      "the address of Bun with its query",
      Object.assign(new Error("refused"), { path: `https://a.example/?k=${secret}` })
    ],
    ["the query in the message of Deno", new Error(`error sending request for url (https://a.example/t?k=${secret})`)],
    ["the password in a message", new Error(`no route to https://user:${secret}@a.example/t`)],
    ["a JWT in a message", new Error(`eyJhbGciOiJub25lIn0.${secret}`)],
    ["a property that is not known", Object.assign(new Error("failed"), { request: { authorization: secret } })],
    [
      "a property with a symbol",
      Object.assign(new Error("failed"), { [Symbol("request")]: { authorization: secret } })
    ],
    [
      "a list, a map and a getter in properties with a symbol",
      Object.assign(new Error("failed"), {
        [Symbol("list")]: [secret],
        [Symbol("map")]: new Map([["token", secret]]),
        [Symbol("getter")]: Object.defineProperty({}, "message", { get: () => secret, enumerable: true })
      })
    ],
    [
      "an argument of an error of Effect that was replaced",
      Object.assign(new Dropped({ message: `https://a.example/?k=${secret}`, port: 80 }), { message: "reset" })
    ],
    ["a hidden property", Object.defineProperty(new Error("failed"), "request", { value: secret })],
    ["an object in place of a code", Object.assign(new Error("failed"), { code: { authorization: secret } })],
    ["an object in place of a message", { code: "", message: { text: `https://a.example/?k=${secret}` } }],
    ["an object in place of a tag", Object.assign(new Error("failed"), { _tag: { authorization: secret } })],
    [
      "a query in place of an address",
      Object.assign(new Error("failed"), { address: `https://a.example/?k=${secret}` })
    ],
    [
      "another message in the stack",
      Object.assign(new Error("failed"), { stack: `Error: https://a/?k=${secret}\n    at f` })
    ],
    [
      "the answer in the stack",
      Object.assign(new Error("failed"), { stack: `Error: failed\n{"t":"${secret}"}\n    at f` })
    ],
    [
      "the arguments of a process",
      Object.assign(new Error("spawn x ENOENT"), { code: "ENOENT", path: "x", spawnargs: ["--token", secret] })
    ],
    ["the command of a client of Redis", Object.assign(new Error("ERR"), { command: { name: "set", args: [secret] } })],
    ["the options of a client of Redis", Object.assign(new Error("ERR"), { options: { password: secret } })],
    ["a text as the cause", new Error("failed", { cause: secret })],
    ["a text", `https://a.example/?k=${secret}`],
    [
      "the cause of one of several errors",
      new AggregateError([new Error("failed", { cause: Object.assign(new Error(""), { data: secret }) })])
    ],
    [
      "an error beyond the limit of the chain",
      Array.from({ length: 40 }).reduce<object>((cause) => ({ cause }), { data: secret })
    ],
    ["one of very many errors", new AggregateError(Array.from({ length: 99 }, () => ({ data: secret })))]
  ])("removes %s, at any depth of the chain", (_, error) => {
    for (const given of [error, new TypeError("fetch failed", { cause: error })]) {
      const cause = harmlessCause(given)
      expect(inspect(cause, { depth: 30, showHidden: true })).not.toContain(secret)
      expect(inspect(cause, { depth: 30, showHidden: true, customInspect: false })).not.toContain(secret)
      expect(JSON.stringify(cause)).not.toContain(secret)
      expect(inspect(structuredClone(cause), { depth: 30 })).not.toContain(secret)
      expect(Cause.pretty(Cause.fail(cause), { renderErrorCause: true })).not.toContain(secret)
    }
  })

  it("keeps names, codes and the facts of a system error in its copies", () => {
    const parser = Object.assign(new Error("Expected HTTP/"), { name: "HTTPParserError", code: "HPE_INVALID_CONSTANT" })
    const error = new TypeError("fetch failed", { cause: Object.assign(parser, { data: secret, errno: -1, port: 80 }) })
    const copy = harmlessCause(error)
    expect(copy).not.toBe(error)
    expect(copy).toMatchObject({
      name: "TypeError",
      message: "fetch failed",
      cause: { name: "HTTPParserError", code: "HPE_INVALID_CONSTANT", message: "Expected HTTP/", errno: -1, port: 80 }
    })
  })

  it("copies an error that is its own cause without that cause, since printing it would not end", () => {
    const own: { message: string; cause?: unknown } = { message: "a\nb" }
    own.cause = own
    const copy = harmlessCause(own)
    expect(copy).toMatchObject({ message: "a b" })
    expect(copy).not.toHaveProperty("cause")
    const inner = { message: "inner", cause: own }
    own.cause = inner
    expect(harmlessCause(own)).toMatchObject({ message: "a b", cause: { message: "inner" } })
    expect(harmlessCause(own)).not.toHaveProperty("cause.cause")
  })

  it.each([[undefined], [null], [7], [true]])("of %s, which is not an error, is nothing", (value) => {
    expect(harmlessCause(value)).toBeUndefined()
  })
})
