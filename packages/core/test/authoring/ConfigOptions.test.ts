import { assert, describe, expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Redacted } from "effect"
import * as ConfigOptions from "../../src/authoring/ConfigOptions.ts"

interface Options {
  readonly serverUrl: string
  readonly secret?: Redacted.Redacted<string> | undefined
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly policy?: { readonly storageTimeout?: number | undefined } | undefined
}

const provider = (variables: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries({ URL: "u", ...variables }))))

const one = Config.string("SCOPES")
const several = Config.array(Config.string(), "SCOPES")

describe("scopes from a configuration", () => {
  it.effect.each<
    readonly [
      what: string,
      config: typeof one | typeof several,
      text: string,
      expected: ReadonlyArray<string> | undefined
    ]
  >([
    ["one scope", one, "a", ["a"]],
    ["scopes between spaces (RFC 6749 §3.3)", one, "a b  c", ["a", "b", "c"]],
    ["scopes between commas", one, "a,b", ["a", "b"]],
    ["scopes between commas and spaces", one, " a, b ,c ", ["a", "b", "c"]],
    ["scopes on lines", one, "a\nb\n", ["a", "b"]],
    ["an empty variable", one, "", undefined],
    ["a variable of white space", one, "  ", undefined],
    ["an array of one", several, "a", ["a"]],
    ["an array", several, "a,b", ["a", "b"]],
    ["an array whose entry holds spaces", several, "a b,c", ["a", "b", "c"]],
    ["an empty array", several, "", undefined]
  ])("%s", ([_, scopes, text, expected]) =>
    Effect.gen(function*() {
      const read = yield* ConfigOptions.read<Options>({ serverUrl: Config.string("URL"), scopes })
      assert.deepStrictEqual<unknown>(read, { serverUrl: "u", ...(expected === undefined ? {} : { scopes: expected }) })
    }).pipe(provider({ SCOPES: text })))

  it.effect("an array of `Config.succeed` keeps a comma in a scope", () =>
    Effect.gen(function*() {
      const scopes = Config.succeed(["a,b"])
      const read = yield* ConfigOptions.read<Options>({ serverUrl: Config.string("URL"), scopes })
      assert.deepStrictEqual(read.scopes, ["a,b"])
    }).pipe(provider({})))
})

describe("other lists from a configuration", () => {
  it.effect.each<readonly [option: "acceptedTokenTypes" | "insecureHosts", text: string, expected: unknown]>([
    ["acceptedTokenTypes", "BearerToken,JWT", ["BearerToken", "JWT"]],
    ["acceptedTokenTypes", " BearerToken ", ["BearerToken"]],
    ["acceptedTokenTypes", "", undefined],
    ["insecureHosts", "auth.internal mcp.internal", ["auth.internal", "mcp.internal"]],
    ["insecureHosts", "auth.internal, [fd00::1]", ["auth.internal", "[fd00::1]"]],
    ["insecureHosts", " ", undefined]
  ])("`%s` is split where one variable holds several: %s", ([option, text, expected]) =>
    Effect.gen(function*() {
      const options = Object.assign({ serverUrl: Config.string("URL") }, { [option]: Config.string("LIST") })
      const read = yield* ConfigOptions.read<Options>(options)
      assert.deepStrictEqual<unknown>(read, {
        serverUrl: "u",
        ...(expected === undefined ? {} : { [option]: expected })
      })
    }).pipe(provider({ LIST: text })))
})

describe("ConfigOptions.read", () => {
  it.effect("reads an object without entries", () =>
    Effect.gen(function*() {
      const read = yield* ConfigOptions.read<Options>({ serverUrl: Config.string("URL"), policy: {} })
      assert.deepStrictEqual<unknown>(read, { serverUrl: "u", policy: {} })
    }).pipe(provider({})))

  it.effect("reads nested options, and all of them from one Config", () =>
    Effect.gen(function*() {
      const policy = { storageTimeout: Config.number("TIMEOUT") }
      const read = yield* ConfigOptions.read<Options>({ serverUrl: Config.string("URL"), policy })
      assert.deepStrictEqual<unknown>(read, { serverUrl: "u", policy: { storageTimeout: 7 } })
      const whole = yield* ConfigOptions.read<Options>(Config.succeed({ serverUrl: "v", scopes: ["a b"] }))
      assert.deepStrictEqual<unknown>(whole, { serverUrl: "v", scopes: ["a", "b"] })
    }).pipe(provider({ TIMEOUT: "7" })))

  it.effect.each<readonly [option: string, value: unknown]>([
    ["serverUrl", "https://mcp.example.com"],
    ["serverUrl", ""],
    ["secret", Redacted.make("canary")],
    ["scopes", ["a"]],
    ["scopes", "a"],
    ["serverUrl", 7],
    ["serverUrl", null]
  ])("refuses a plain value of `%s`", ([option, value]) =>
    Effect.gen(function*() {
      const options = Object.assign({ serverUrl: Config.string("URL") }, { [option]: value })
      const error = yield* Effect.flip(ConfigOptions.read<Options>(options))
      assert("option" in error)
      expect(error.option).toBe(option)
      expect(error.message).toContain("and not a `Config`")
      expect(error.message).toContain("`Config.succeed`")
    }).pipe(provider({})))

  it.effect("names the variable that is missing", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        ConfigOptions.read<Options>({ serverUrl: Config.string("URL"), secret: Config.redacted("NO_SECRET") })
      )
      expect(JSON.stringify(error)).toContain("NO_SECRET")
    }).pipe(provider({})))
})
