import { assert, describe, expect, it } from "@effect/vitest"
import { Encoding, Redacted } from "effect"
import { addError, addGraph, find, spellings } from "../src/leaks.ts"
import { refused, requestErrorWith } from "./support.ts"

const secret = "c:ä n/r+y%-s3cret"

const searchError = (error: unknown) => find((texts) => addError(texts, error), [secret])

describe("leaks", () => {
  it("finds no leak in an error without secrets", () => {
    assert.deepStrictEqual(searchError(refused("refused", new Error("refused"))), [])
    const held = refused("refused", { held: Redacted.make("another-s3cret") })
    assert.deepStrictEqual(find((texts) => addError(texts, held), ["another-s3cret"]), [])
  })

  it("finds a secret in every spelling and does not repeat the secret in its report", () => {
    const basic = Encoding.encodeBase64(secret)
    const escaped = JSON.stringify(secret).slice(1, -1)
    for (const spelling of [secret, "c%3A%C3%A4+n%2Fr%2By%25-s3cret", encodeURIComponent(secret), basic, escaped]) {
      expect([...spellings(secret)]).toContain(spelling)
      const [leak] = searchError(refused(`it said ${spelling}.`))
      expect(leak).toContain("it said <the secret>")
      expect(leak).not.toContain(spelling)
    }
  })

  const long = "l0ng-&-s3cr3t/ü"
  const base64 = (text: string) => Buffer.from(text).toString("base64")

  it.each([
    ["escaped for HTML by names", long.replace("&", "&amp;")],
    ["escaped for HTML by numbers", long.replace("&", "&#38;").replace("/", "&#x2F;")],
    ["as JSON in ASCII", JSON.stringify(long).replace("/", "\\/").replace("ü", "\\u00fc")],
    ["percent-encoded in lower case", encodeURIComponent(long).toLowerCase()],
    ["percent-encoded twice", encodeURIComponent(encodeURIComponent(long))],
    ["in upper case", long.toUpperCase()],
    ["in hexadecimal digits", Buffer.from(long).toString("hex")],
    ["in base64 with an id before it", base64(`id:${long}`)],
    ["in base64 with an id after it", base64(`${long}:i`)],
    ["in base64url without padding", Buffer.from(`a:${long}`).toString("base64url")],
    ["in base64 of its form-encoding", base64(`id:${encodeURIComponent(long)}`)],
    ["by its first 12 characters", long.slice(0, 12)],
    ["by its last 12 characters", long.slice(-12)]
  ])("finds a secret %s", (_, spelling) => {
    const found = find((texts) => texts.add("text", `it said ${spelling}.`), [long])
    expect(found).toHaveLength(1)
    expect(found[0]).not.toContain(spelling)
  })

  it("does not take the words of a secret for the secret", () => {
    assert.deepStrictEqual(find((texts) => texts.add("text", "client_secret of a client"), ["the-client-secret"]), [])
  })

  it("finds the word canary, in clear and in base64, in texts whose secrets are not known", () => {
    const marked = ["a", "canary"].join("-")
    for (const prefix of ["", "a", "ab"]) {
      expect(find((texts) => texts.add("text", Encoding.encodeBase64(`${prefix}${marked}`)), [])).toHaveLength(1)
    }
    expect(find((texts) => texts.add("text", marked.toUpperCase()), [])).toHaveLength(1)
  })

  it("takes the label of a PEM for no part of its secret, and finds a part of the key itself", () => {
    const pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\n-----END PRIVATE KEY-----"
    const search = (text: string) => find((texts) => texts.add("text", text), [pem])
    assert.deepStrictEqual(search("Give a PEM, which begins with -----BEGIN PRIVATE KEY-----, or a JWK."), [])
    expect(search("it is MIGHAgEAMBMG")).toHaveLength(1)
  })

  it("finds a spelling among those of a thousand secrets that begin alike", () => {
    const many = Array.from({ length: 1000 }, (_, index) => `l0ng-s3cr3t-${index}-/-end`)
    const [text = ""] = many.slice(-1)
    for (const spelling of [text, encodeURIComponent(text), base64(text)]) {
      const found = find((texts) => texts.add("text", `it said ${spelling}.`), many)
      expect(found).toHaveLength(1)
      expect(found[0]).toContain("it said <the secret>")
    }
    assert.deepStrictEqual(find((texts) => texts.add("text", "l0ng-s3cr, l0ng words and s3cr3t words"), many), [])
  })

  it("ignores the frames of a stack trace, which hold paths, and searches every other line", () => {
    assert.deepStrictEqual(
      find((texts) => texts.add("stack", `Error: no\n    at f (/src/${secret}.ts:1:1)`), [secret]),
      []
    )
    expect(find((texts) => texts.add("stack", `Error: ${secret}\n    at f (/src/a.ts:1:1)`), [secret])).toHaveLength(1)
  })

  it.each([
    ["the message", new Error(secret)],
    ["a failure that is not an Error", secret],
    ["the cause", new Error("no", { cause: new Error(secret) })],
    ["the cause of a cause", refused("no", new Error("no", { cause: new Error(secret) }))],
    ["a field", Object.assign(new Error("no"), { field: { deep: [secret] } })],
    ["a hidden field", Object.defineProperty(new Error("no"), "field", { value: secret, enumerable: false })],
    ["the result of toJSON", Object.assign(new Error("no"), { toJSON: () => ({ said: secret }) })],
    ["the result of toString", Object.assign(new Error("no"), { toString: () => secret })],
    ["a request in the cause of an error of ours", refused("no", requestErrorWith(secret))],
    ["bytes in the cause of an error of ours", refused("no", { body: new TextEncoder().encode(secret) })],
    [
      "headers in the cause of an error of ours",
      refused("no", { headers: new Headers({ a: encodeURIComponent(secret) }) })
    ],
    ["a map in the cause of an error of ours", refused("no", new Map([["a", secret]]))],
    [
      "a URL in the cause of an error of ours",
      refused("no", { url: new URL(`https://a.example/?q=${encodeURIComponent(secret)}`) })
    ],
    [
      "a hidden field in the cause of an error of ours",
      refused("no", Object.defineProperty({}, "a", { value: secret }))
    ],
    ["the request of an error that a caller gets", requestErrorWith(secret, refused("no"))],
    ["the cause of the platform's error", requestErrorWith("none", new Error(secret))],
    ["the description of the platform's error", requestErrorWith("none", undefined, secret)]
  ])("finds a secret in %s", (_, error) => {
    expect(searchError(error)).not.toEqual([])
  })

  it("searches a graph with a cycle once", () => {
    const cycle: { self?: unknown; text: string } = { text: secret }
    cycle.self = cycle
    expect(find((texts) => addGraph(texts, cycle, "cycle"), [secret])).toHaveLength(1)
  })
})
