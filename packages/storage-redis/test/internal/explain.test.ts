import { describe, expect, it } from "@effect/vitest"
import { explain, forget, messageOf } from "../../src/internal/explain.ts"

const reply = (message: string, more: object = {}) => Object.assign(new Error(message), more)
const script = " script: 23c7e07a0ef1d3ac, on @user_script:6."

describe("explain", () => {
  it.each<[said: string, reason: "Refused" | "Unavailable", description: RegExp]>([
    ["NOAUTH Authentication required.", "Refused", /^Redis wants a password \(NOAUTH\)\. Write it in the URL/],
    ["WRONGPASS invalid username-password pair", "Refused", /^Redis does not take the password/],
    ["ERR invalid password", "Refused", /^Redis does not take the password/],
    ["NOPERM this user has no permissions to run the 'get' command", "Refused", /\(NOPERM\): .*run the 'get' command$/],
    [
      `ERR The user executing the script can't run this command or subcommand${script}`,
      "Refused",
      /\(NOPERM\): .*can't run this command or subcommand$/
    ],
    [
      `OOM command not allowed when used memory > 'maxmemory'.${script}`,
      "Unavailable",
      /^Redis failed: OOM command not allowed when used memory > 'maxmemory'\. Its memory is full: raise/
    ],
    ["MISCONF Errors writing to the RDB.", "Unavailable", /RDB\. It takes no writes while it cannot save: see/],
    ["NOREPLICAS Not enough good replicas to write.", "Unavailable", /write\. It takes no writes without.*see/],
    [`WRONGTYPE Operation against a key${script}`, "Unavailable", /a key\. Something else.*give another\.$/],
    ["connect ECONNREFUSED 127.0.0.1:6379", "Unavailable", /:6379\. Correct `url`, if/],
    ["getaddrinfo ENOTFOUND redis.example.com", "Unavailable", /example\.com\. Correct `url`, if/],
    [`ERR DB index is out of range${script}`, "Unavailable", /out of range\. Give a db that it has/],
    ["ERR SELECT is not allowed in cluster mode", "Unavailable", /mode\. A cluster has no db but 0/],
    ["MOVED 1 127.0.0.1:1", "Unavailable", /give `url` in an array/],
    ["READONLY You can't write against a read only replica.", "Unavailable", /replica\. It is a replica: give/],
    ["self-signed certificate", "Unavailable", /certificate\. If it is right, give/],
    ["BUSY Redis is busy", "Unavailable", /^Redis failed: BUSY Redis is busy$/]
  ])("%s", (said, reason, description) => {
    const error = explain("set", reply(said), undefined, undefined)
    expect(error).toMatchObject({ operation: "set", reason })
    expect(error.description).toMatch(description)
  })

  it("says why the connection broke in the place of the client's own words for it, and of nothing else", () => {
    const broken = reply("read ECONNRESET")
    expect(explain("get", reply("Connection is closed."), broken, undefined).description).toMatch(/ECONNRESET$/)
    expect(explain("get", reply("BUSY Redis is busy"), broken, undefined).description).toMatch(/is busy$/)
  })

  it("asks for the other kind of TLS where nobody was ever reached, unless it is known why", () => {
    const closed = reply("Connection is closed.")
    expect(explain("get", closed, undefined, "plain").description).toMatch(/If it speaks TLS, write rediss:\/\//)
    expect(explain("get", closed, undefined, "tls").description).toMatch(/does not speak TLS, write redis:\/\//)
    expect(explain("get", reply("connect ECONNREFUSED ::1"), undefined, "plain").description).not.toMatch(/TLS/)
  })
})

describe("messageOf", () => {
  it("is what lies within", () => {
    expect(messageOf(reply("all failed", { lastNodeError: reply("ENOTFOUND a") }))).toBe("ENOTFOUND a")
    expect(messageOf(new AggregateError([reply("one"), reply("two")], ""))).toBe("one")
    expect(messageOf("text")).toBe("text")
  })

  it("is one line, not a long one, and without what was sent", () => {
    expect(messageOf(reply("one\ntwo"))).toBe("one")
    expect(messageOf(reply("x".repeat(300)))).toHaveLength(201)
    expect(messageOf(reply("unknown command `auth`, with args beginning with: `hidden`"))).toBe(
      "unknown command `auth`"
    )
  })
})

describe("forget", () => {
  it("takes the command out of the error", () => {
    const error = reply("no", { command: { name: "auth", args: ["hidden"] } })
    forget(error)
    expect(error).not.toHaveProperty("command")
  })
})
