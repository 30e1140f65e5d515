import { faultOfSecret } from "@effect-mcp-auth/core/authoring/TextOption"
import { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

type Token = Redacted.Redacted<string>

/**
 * The subject token, and its replacement: an identity provider may answer a refresh token with a new one, and accept the
 * old one no longer.
 *
 * @internal
 */
export class SubjectToken {
  readonly #given: Effect.Effect<Token, AssertionError>
  readonly #type: string
  /**
   * The caller's token when the replacement was issued. If the caller gives another token later, that token is
   * presented.
   */
  #replaced: Token | undefined
  #replacement: Token | undefined

  constructor(given: Effect.Effect<Token, AssertionError>, type: string) {
    this.#given = given
    this.#type = type
  }

  /** The token to present. */
  readonly get: Effect.Effect<Token, AssertionError> = Effect.suspend(() => this.#given).pipe(
    Effect.filterOrElse((token) => this.#faultOf(token) === undefined, (token) =>
      new AssertionError({
        reason: "Malformed",
        description: `The Effect in \`subjectToken\` has a value that was not sent: ${this.#faultOf(token) ?? ""}`
      })),
    Effect.map((token) => {
      if (this.#replaced !== undefined && Redacted.value(this.#replaced) === Redacted.value(token)) {
        return this.#replacement ?? token
      }
      this.#replaced = token
      this.#replacement = undefined
      return token
    })
  )

  /** Remembers the token that replaces the presented one. */
  replace(token: Token): void {
    this.#replacement = token
  }

  /** Base64 of a SAML assertion may have line breaks. */
  #faultOf(token: unknown): string | undefined {
    const isText = Redacted.isRedacted(token) && typeof Redacted.value(token) === "string"
    return this.#type === "saml2" && isText && Redacted.value(token) !== "" ? undefined : faultOfSecret(token)
  }
}
