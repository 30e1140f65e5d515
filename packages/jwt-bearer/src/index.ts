/**
 * @since 0.1.0
 */

/**
 * The ID-JAG of enterprise-managed authorization (SEP-990): the enterprise's identity provider exchanges a token of the
 * user's for an assertion to the MCP server's authorization server (RFC 8693), and `JwtBearer` presents that assertion.
 *
 * @since 0.1.0
 */
export * as IdJag from "./IdJag.ts"

/**
 * The JWT bearer grant (RFC 7523 §2.1): the client presents the assertion itself to get a token.
 *
 * @since 0.1.0
 */
export * as JwtBearer from "./JwtBearer.ts"
