/**
 * Text from outside, such as the answer of a server or the output of a command, made fit for error messages and log
 * lines. For authors of providers and storages.
 *
 * @since 0.1.0
 */
import * as Clean from "../internal/text/clean.ts"

/**
 * Makes text from outside fit for an error message or a log line. The result is one line of at most 201 characters.
 * Control and formatting characters become spaces; every given secret, in any spelling in which the other side may
 * repeat it, and every text that looks like a JWT become `<redacted>`. Error codes that specifications name stay whole,
 * although a secret such as `client` is a part of them.
 *
 * @since 0.1.0
 * @category combinators
 * @example
 * ```ts
 * import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
 *
 * export const message = (reply: string, password: string) => `The server replied "${clean(reply, [password])}".`
 * ```
 */
export const clean: (text: string, secrets?: Iterable<string>) => string = Clean.clean

/**
 * `clean`, in double quotes.
 *
 * @since 0.1.0
 * @category combinators
 */
export const quote: (text: string) => string = Clean.quote

/**
 * Removes the beginning of a secret from the end of a text that was cut there. `clean` finds whole secrets only.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withoutBegun: (text: string, secrets: Iterable<string>) => string = Clean.withoutBegun
