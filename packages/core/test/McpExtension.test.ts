import { McpExtension } from "@effect-mcp-auth/core"
import { assert, describe, it } from "@effect/vitest"

describe("McpExtension", () => {
  it.each(
    [
      ["clientCredentials", "io.modelcontextprotocol/oauth-client-credentials"],
      ["enterpriseManagedAuthorization", "io.modelcontextprotocol/enterprise-managed-authorization"]
    ] as const
  )("%s is one entry of capabilities.extensions, with the published identifier and no settings", (name, identifier) => {
    assert.deepStrictEqual<unknown>(McpExtension[name], { [identifier]: {} })
  })
})
