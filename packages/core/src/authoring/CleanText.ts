/**
 * Text from outside, made safe for error messages and log lines: for authors of storages and of providers.
 *
 * @since 0.1.0
 */
import * as Clean from "../internal/text/clean.ts"

/**
 * Makes text from outside safe for an error message or a log line. The result is one line of at most 201 characters.
 * Control and formatting characters become spaces; every given secret, and every text that looks like a JWT, becomes
 * `<redacted>`.
 *
 * @example
 * ```ts
 * import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
 *
 * export const message = (reply: string, password: string) => `The server replied "${clean(reply, [password])}".`
 * ```
 *
 * @since 0.1.0
 * @category utils
 */
export const clean: (text: string, secrets?: Iterable<string>) => string = Clean.clean
