import { describe, expect, it } from "@effect/vitest"
import { Redacted } from "effect"
import { TokenRequestContext } from "../src/index.ts"

describe("the request for an assertion", () => {
  it("has the issuer as the metadata writes it, with its trailing slash", () => {
    const auth0 = {
      issuer: "https://tenant.auth0.com/",
      tokenEndpoint: new URL("https://tenant.auth0.com/oauth/token"),
      metadata: { issuer: "https://tenant.auth0.com/", token_endpoint: "https://tenant.auth0.com/oauth/token" }
    }
    const refused = [Redacted.make("canary-refused")]
    const asked = { authorizationServer: auth0, resource: "", resourceParameter: "urn:api", scopes: [] }
    expect(TokenRequestContext.assertionRequest(asked, "issuer", refused)).toEqual({
      audience: "https://tenant.auth0.com/",
      issuer: "https://tenant.auth0.com/",
      tokenEndpoint: "https://tenant.auth0.com/oauth/token",
      resource: "",
      resourceParameter: "urn:api",
      scopes: [],
      refused
    })
  })
})
