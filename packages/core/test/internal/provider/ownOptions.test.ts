import { assert, describe, it } from "@effect/vitest"
import { ownOptions } from "../../../src/internal/provider/ownOptions.ts"

describe("ownOptions", () => {
  it("arrays and objects that the caller changes later do not change the options", () => {
    const given = {
      scopes: ["a"],
      acceptedTokenTypes: ["BearerToken"],
      additionalParameters: { audience: "first" },
      resourceParameter: { value: "https://mcp.example.com" }
    }
    const before = structuredClone(given)
    const own = ownOptions(given)
    given.scopes.push("b")
    given.acceptedTokenTypes.push("x")
    given.additionalParameters.audience = "second"
    given.resourceParameter.value = "https://elsewhere.example.com"
    assert.deepStrictEqual(own, before)
  })

  it("values of a wrong kind and options that are left out stay as they are", () => {
    assert.deepStrictEqual(ownOptions({ resourceParameter: "omit" }), { resourceParameter: "omit" })
    assert.deepStrictEqual<object>(ownOptions(JSON.parse("{\"scopes\":\"mcp\"}")), { scopes: "mcp" })
  })
})
