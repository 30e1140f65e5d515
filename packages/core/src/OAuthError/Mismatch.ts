import * as Schema from "effect/Schema"
import * as messages from "../internal/errors/messages.ts"

/**
 * An issuer is not the expected one.
 *
 * - `Metadata`: the metadata document names another issuer (RFC 8414 §3.3).
 * - `NotListed`: the server's metadata does not list the issuer that the caller pinned.
 * - `Changed`: the server's metadata now names another authorization server than the one that issued the tokens.
 *
 * @since 0.1.0
 * @category errors
 */
export class IssuerMismatch extends Schema.TaggedError<IssuerMismatch>("@effect-mcp-auth/core/IssuerMismatch")(
  "IssuerMismatch",
  {
    reason: Schema.Literal("Metadata", "NotListed", "Changed"),
    expected: Schema.String,
    actual: Schema.Array(Schema.String),
    url: Schema.String
  }
) {
  override get message(): string {
    return messages.issuerMismatch(this)
  }
}

/**
 * The protected resource metadata describes another resource than the server (RFC 9728 §3.3), and no address has
 * metadata that fits. `match` is `"identical"` if the option `resourceMatch` asks for that.
 *
 * @since 0.1.0
 * @category errors
 */
export class ResourceMismatch extends Schema.TaggedError<ResourceMismatch>("@effect-mcp-auth/core/ResourceMismatch")(
  "ResourceMismatch",
  {
    expected: Schema.String,
    actual: Schema.String,
    url: Schema.String,
    match: Schema.optional(Schema.Literal("parent", "identical"))
  }
) {
  override get message(): string {
    return messages.resourceMismatch(this)
  }
}
