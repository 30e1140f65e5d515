/**
 * Reads failures of the platform: of a file, of a process. For authors of providers and storages.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "effect/PlatformError"
import * as Predicate from "effect/Predicate"

/**
 * The kind of a failure of the system, such as `NotFound` or `PermissionDenied`; `undefined` if the call was wrong.
 *
 * @since 0.1.0
 * @category getters
 */
export const reasonOf = ({ reason }: PlatformError): string | undefined =>
  reason._tag === "BadArgument" ? undefined : reason._tag

/**
 * The message, with the words and the code of the operating system (`ENOSPC`), which name the file.
 *
 * @since 0.1.0
 * @category getters
 */
export const messageOf = ({ message, reason }: PlatformError): string =>
  reason.description === undefined && Predicate.isError(reason.cause) ? `${message}: ${reason.cause.message}` : message
