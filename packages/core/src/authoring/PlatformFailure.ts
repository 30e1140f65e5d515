/**
 * Reads failures of the platform: of a file, of a process. For authors of providers and storages.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"

/**
 * The kind of a failure of the system, such as `NotFound` or `PermissionDenied`; `undefined` if the call was wrong.
 *
 * @since 0.1.0
 * @category getters
 */
export const reasonOf = (error: PlatformError): string | undefined =>
  error._tag === "SystemError" ? error.reason : undefined

/**
 * The message, with the words and the code of the operating system (`ENOSPC`), which name the file.
 *
 * @since 0.1.0
 * @category getters
 */
export const messageOf = (error: PlatformError): string => error.message
