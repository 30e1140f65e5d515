import { describe, expect, it } from "@effect/vitest"
import { explain, forgetCommand, messageOf } from "../../../src/internal/connection/commandError.ts"

const reply = (message: string, more: object = {}) => Object.assign(new Error(message), more)
const script = " script: 23c7e07a0ef1d3ac, on @user_script:6."

describe("explain", () => {
  it.each<[said: string, reason: "Refused" | "Unavailable", description: RegExp]>([
    ["NOAUTH Authentication required.", "Refused", /^Redis requires a password \(NOAUTH\)\. Write it in the URL/],
    ["WRONGPASS invalid username-password pair", "Refused", /^Redis rejects the password/],
    ["ERR invalid password", "Refused", /^Redis rejects the password/],
    ["NOPERM this user has no permissions to run the 'get' command", "Refused", /\(NOPERM\): .*run the 'get' command$/],
    [
      `ERR The user executing the script can't run this command or subcommand${script}`,
      "Refused",
      /\(NOPERM\): .*can't run this command or subcommand$/
    ],
    [
      `OOM command not allowed when used memory > 'maxmemory'.${script}`,
      "Unavailable",
      /^Redis failed: OOM command not allowed when used memory > 'maxmemory'\. The memory of Redis is full: raise/
    ],
    ["MISCONF Errors writing to the RDB.", "Unavailable", /RDB\. Redis refuses writes while it cannot save: check/],
    ["NOREPLICAS Not enough good replicas to write.", "Unavailable", /write\. Redis refuses writes without.*start/],
    [
      `WRONGTYPE Operation against a key${script}`,
      "Unavailable",
      /a key\. Another program.*choose another `prefix`\.$/
    ],
    ["connect ECONNREFUSED 127.0.0.1:6379", "Unavailable", /:6379\. Check that `url` is right/],
    ["getaddrinfo ENOTFOUND redis.example.com", "Unavailable", /example\.com\. Check that `url` is right/],
    [`ERR DB index is out of range${script}`, "Unavailable", /out of range\. Name a db that this Redis has/],
    ["ERR SELECT is not allowed in cluster mode", "Unavailable", /mode\. A cluster has only db 0/],
    ["MOVED 1 127.0.0.1:1", "Unavailable", /give `url` as an array/],
    ["READONLY You can't write against a read only replica.", "Unavailable", /replica\. This Redis is a replica: give/],
    ["self-signed certificate", "Unavailable", /certificate\. If the certificate is right, give/],
    ["BUSY Redis is busy", "Unavailable", /^Redis failed: BUSY Redis is busy$/]
  ])("explains the error: %s", (said, reason, description) => {
    const error = explain("set", reply(said), undefined, undefined)
    expect(error).toMatchObject({ operation: "set", reason })
    expect(error.description).toMatch(description)
  })

  it("names the reason for a broken connection in place of the client's message, and keeps any other message", () => {
    const broken = reply("read ECONNRESET")
    expect(explain("get", reply("Connection is closed."), broken, undefined).description).toMatch(/ECONNRESET$/)
    expect(explain("get", reply("BUSY Redis is busy"), broken, undefined).description).toMatch(/is busy$/)
  })

  it("suggests the other URL scheme if no connection was ever made for an unknown reason", () => {
    const closed = reply("Connection is closed.")
    expect(explain("get", closed, undefined, "plain").description).toMatch(
      /If this Redis speaks TLS, write rediss:\/\//
    )
    expect(explain("get", closed, undefined, "tls").description).toMatch(
      /If this Redis does not speak TLS, write redis:\/\//
    )
    expect(explain("get", reply("connect ECONNREFUSED ::1"), undefined, "plain").description).not.toMatch(/TLS/)
  })
})

describe("messageOf", () => {
  it("returns the message of the error inside", () => {
    expect(messageOf(reply("all failed", { lastNodeError: reply("ENOTFOUND a") }))).toBe("ENOTFOUND a")
    expect(messageOf(new AggregateError([reply("one"), reply("two")], ""))).toBe("one")
    expect(messageOf("text")).toBe("text")
  })

  it("returns one short line, without the arguments of the command", () => {
    expect(messageOf(reply("one\ntwo"))).toBe("one")
    expect(messageOf(reply("x".repeat(300)))).toHaveLength(201)
    expect(messageOf(reply("unknown command `auth`, with args beginning with: `hidden`"))).toBe(
      "unknown command `auth`"
    )
  })
})

describe("an error of the client says nothing that it must not", () => {
  const password = "pa&ss/word+1"

  it.each([
    ["its password", `ERR ${password} is wrong`],
    ["its password, escaped for HTML", `ERR ${password.replace("&", "&amp;")} is wrong`],
    ["its password in base64", `ERR ${Buffer.from(password).toString("base64")} is wrong`],
    ["a part of its password", "ERR pa&ss/wo is wrong"]
  ])("by repeating %s", (_, said) => {
    expect(explain("get", reply(said), undefined, undefined, [password]).message).toContain("<redacted> is wrong")
    const closed = explain("get", reply("Connection is closed."), reply(said), undefined, [password])
    expect(closed.message).toContain("<redacted> is wrong")
  })

  it.each([
    "ERR a\u001b[2Jb",
    "ERR a\u202eb",
    "ERR a\u0000b",
    "ERR a\rb",
    "ERR a\u2028b",
    "ERR a\u200bb",
    "ERR a\ud800b"
  ])(
    "by control or format characters: %j",
    (said) => {
      for (const error of [reply(said), said]) {
        expect(explain("get", error, undefined, undefined).message).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      }
    }
  )

  it("by the fields of a value that is no error", () => {
    expect(messageOf({ password, toString: () => password })).toBe("unknown error")
  })

  it("by its cause", () => {
    const error = explain("set", reply("BUSY", { command: { name: "set", args: [password] } }), undefined, undefined)
    expect(error.cause).toBeUndefined()
  })

  it("and an error that is its own last error has the message of the error", () => {
    const own: Error & { lastNodeError?: unknown } = reply("all failed")
    own.lastNodeError = own
    expect(messageOf(own)).toBe("all failed")
  })
})

describe("forgetCommand", () => {
  it("removes the command from the error", () => {
    const error = reply("no", { command: { name: "auth", args: ["hidden"] } })
    forgetCommand(error)
    expect(error).not.toHaveProperty("command")
  })
})
