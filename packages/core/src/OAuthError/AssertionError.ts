import * as Schema from "effect/Schema"
import { oneLine } from "../internal/text/clean.ts"

/**
 * An assertion (RFC 7521) could not be acquired, or must not be sent.
 *
 * - `Unavailable`: the source of the assertion failed this time.
 * - `CannotSend`: no request can be made until something is corrected, such as a certificate.
 * - `Refused`: the issuer of the assertion refuses the request, and would refuse the same request again.
 * - `Expired`, `NotYetValid`, `WrongAudience`, `Malformed`: the authorization server would reject the assertion.
 *
 * @since 0.1.0
 * @category errors
 */
export class AssertionError extends Schema.TaggedError<AssertionError>("@effect-mcp-auth/core/AssertionError")(
  "AssertionError",
  {
    reason: Schema.Literal(
      "Unavailable",
      "CannotSend",
      "Refused",
      "Expired",
      "NotYetValid",
      "WrongAudience",
      "Malformed"
    ),
    description: Schema.String,
    /** The wait that the other side asked for, in milliseconds. */
    retryAfter: Schema.optional(Schema.Number),
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
