/**
 * Makes text from outside, such as the answer of a server or the output of a command, fit for an error message. For authors
 * of providers.
 *
 * @since 0.1.0
 */
export { clean, quote, withoutBegun } from "../internal/text/clean.ts"
