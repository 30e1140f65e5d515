import { describe, expect, it } from "@effect/vitest"
import { Duration, Either } from "effect"
import { defaultLimits } from "../../../src/authoring/HttpExchange.ts"
import type { Discovery } from "../../../src/index.ts"
import { checkedDiscovery } from "../../../src/internal/provider/checkedDiscovery.ts"

const check = (options: Discovery.CallerOptions, requestTimeout: Duration.DurationInput = "10 seconds") =>
  checkedDiscovery(options, { ...defaultLimits, timeout: Duration.decode(requestTimeout) })

const errorOf = (options: object) => Either.getOrThrow(Either.flip(check(options)))

describe("the options of discovery", () => {
  it("without options a discovery ends after 30 seconds, or after one request if that takes longer", () => {
    expect(Either.getOrThrow(check({}))).toMatchObject({
      resourceMetadataUrl: undefined,
      authorizationServerMetadataUrl: undefined,
      timeout: Duration.seconds(30)
    })
    expect(Duration.toSeconds(Either.getOrThrow(check({}, "1 minute")).timeout)).toBe(60)
    expect(Duration.toSeconds(Either.getOrThrow(check({ discoveryTimeout: "5 seconds" }, "1 minute")).timeout)).toBe(5)
  })

  it.each(["resourceMetadataUrl", "authorizationServerMetadataUrl"] as const)(
    "`%s` may be a text or a URL, with a query",
    (option) => {
      const url = "https://mcp.example.com/meta?tenant=7"
      expect(Either.getOrThrow(check({ [option]: url }))[option]?.href).toBe(url)
      expect(Either.getOrThrow(check({ [option]: new URL(url) }))[option]?.href).toBe(url)
      expect(Either.getOrThrow(check({ [option]: "http://localhost:3000/meta" }))[option]?.port).toBe("3000")
    }
  )

  it.each(
    [
      ["resourceMetadataUrl", "protected resource metadata"],
      ["authorizationServerMetadataUrl", "authorization server metadata"]
    ] as const
  )("`%s` must be the https URL of a document", (option, endpoint) => {
    for (
      const url of [
        "",
        "meta",
        "/meta",
        "https://a:secret@mcp.example.com/meta",
        "https://mcp.example.com/#x",
        "ftp://a/"
      ]
    ) {
      const error = errorOf({ [option]: url })
      expect(error).toMatchObject({ _tag: "InvalidOptions", option })
      expect(error.message).not.toContain("secret")
    }
    expect(errorOf({ [option]: "http://mcp.example.com/meta" })).toMatchObject({
      _tag: "InsecureEndpoint",
      reason: "NotHttps",
      endpoint
    })
  })

  it.each(["resourceMetadataUrl", "authorizationServerMetadataUrl"] as const)(
    "`%s` that is neither a text nor a URL is refused, and the error says what it is",
    (option) => {
      const error = errorOf({ [option]: 7 })
      expect(error).toMatchObject({ _tag: "InvalidOptions", option })
      expect(error.message).toContain("it is a number")
    }
  )

  it.each(
    [
      ["resourceMatch", "exact"],
      ["resourceMatch", null],
      ["discoveryTimeout", "soon"],
      ["discoveryTimeout", 0],
      ["discoveryTimeout", -1],
      ["discoveryTimeout", "2 days"]
    ] as const
  )("`%s: %j` is refused by its name", (option, value) => {
    expect(errorOf({ [option]: value })).toMatchObject({ _tag: "InvalidOptions", option })
  })
})
