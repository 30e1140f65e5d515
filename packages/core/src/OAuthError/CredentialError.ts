import * as Schema from "effect/Schema"
import { oneLine } from "../internal/text/clean.ts"

/**
 * A credential of the client, such as its secret, could not be read, or cannot be sent.
 *
 * - `Unavailable`: the source of the credential failed this time.
 * - `Malformed`: the source returned a value that is no credential.
 *
 * @since 0.1.0
 * @category errors
 */
export class CredentialError extends Schema.TaggedError<CredentialError>("@effect-mcp-auth/core/CredentialError")(
  "CredentialError",
  {
    reason: Schema.Literal("Unavailable", "Malformed"),
    description: Schema.String,
    cause: Schema.optional(Schema.Defect)
  }
) {
  /** Whether the same attempt may succeed later. */
  get transient(): boolean {
    return this.reason === "Unavailable"
  }
  override get message(): string {
    return oneLine(this.description)
  }
}
