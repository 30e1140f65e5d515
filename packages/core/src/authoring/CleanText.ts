/**
 * Text from outside, such as the answer of a server or the output of a command, made fit for error messages and log
 * lines. For authors of providers and storages.
 *
 * @since 0.1.0
 */
import * as Clean from "../internal/text/clean.ts"

/**
 * Makes text from outside fit for an error message or a log line. The result is one line of at most 201 characters.
 * Control and formatting characters become spaces; every text that looks like a JWT, and every given secret, become
 * `<redacted>`. Error codes that specifications name stay whole, although a secret such as `client` is a part of them.
 *
 * Each part of a secret with 8 characters and more is found, and a secret of 4 to 7 characters as a whole: as it is, in
 * upper and lower case, and in the encodings of URLs, forms, HTML, JSON, base64 (of `id:secret` too) and hexadecimal
 * digits, also if it was encoded twice. Secrets of fewer than 4 characters stay, and so do secrets that the other side
 * disguises on purpose, for example by reversing them. No more than the first 1,024 characters of a text, without its
 * JWTs, are read, and no more than the first 16,384 of a secret.
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
 * Removes the beginning of a secret from the end of a text that was cut there. `clean` finds parts of 8 characters and
 * more.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withoutBegun: (text: string, secrets: Iterable<string>) => string = Clean.withoutBegun
