/**
 * The MCP extensions for clients without a user present, as an MCP client declares them to the server: the entries of
 * `capabilities.extensions` (MCP, "Extension Negotiation"). An `OAuthProvider` sends no MCP messages, so the MCP client
 * declares the extension.
 *
 * @since 0.1.0
 */

/**
 * The identifier of an extension, and its settings. These extensions have no settings.
 *
 * @since 0.1.0
 * @category models
 */
export type McpExtension<Identifier extends string> = { readonly [_ in Identifier]: Record<string, never> }

/**
 * OAuth Client Credentials (SEP-1046): the client authenticates with a secret or with a private key. Declare it with
 * `@effect-mcp-auth/client-secret` and `@effect-mcp-auth/private-key-jwt`.
 *
 * @since 0.1.0
 * @category constants
 * @example
 * ```ts
 * import { McpExtension } from "@effect-mcp-auth/core"
 * import { Client } from "@modelcontextprotocol/client"
 *
 * const client = new Client(
 *   { name: "nightly-report", version: "1.0.0" },
 *   { capabilities: { extensions: McpExtension.clientCredentials } }
 * )
 * ```
 */
export const clientCredentials: McpExtension<"io.modelcontextprotocol/oauth-client-credentials"> = {
  "io.modelcontextprotocol/oauth-client-credentials": {}
}

/**
 * Enterprise-Managed Authorization (SEP-990): the identity provider of an enterprise vouches for the user. Declare it
 * with `IdJag` of `@effect-mcp-auth/jwt-bearer`.
 *
 * @since 0.1.0
 * @category constants
 */
export const enterpriseManagedAuthorization: McpExtension<"io.modelcontextprotocol/enterprise-managed-authorization"> =
  {
    "io.modelcontextprotocol/enterprise-managed-authorization": {}
  }
