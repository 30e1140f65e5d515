import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
import type { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { insecure, type Operation } from "./explain.ts"

/**
 * The user of this process on a file system, and whether that file system keeps permissions (Windows does not).
 *
 * @internal
 */
export interface Identity {
  readonly uid: Option.Option<number>
  readonly keepsModes: boolean
}

/**
 * The permissions as `chmod` writes them, such as `0600`.
 *
 * @internal
 */
export const modeOf = ({ mode }: FileSystem.File.Info): string => (mode & 0o777).toString(8).padStart(4, "0")

/**
 * Whether users other than the owner have any permission.
 *
 * @internal
 */
export const isOpenToOthers = ({ mode }: FileSystem.File.Info): boolean => (mode & 0o077) !== 0

/**
 * Fails if the file or directory belongs to another user, or is open to other users.
 *
 * @internal
 */
export const checkPrivate = (
  operation: Operation,
  file: string,
  info: FileSystem.File.Info,
  { keepsModes, uid }: Identity
): Effect.Effect<void, TokenStorageError> => {
  if (Option.isSome(uid) && Option.isSome(info.uid) && info.uid.value !== uid.value) {
    return insecure(
      operation,
      file,
      `belongs to user ${info.uid.value}, and not to the user of this process. It was not used. ` +
        "Give a `directory` that no other user writes to."
    )
  }
  return keepsModes && isOpenToOthers(info)
    ? insecure(
      operation,
      file,
      `is open to users other than its owner (mode ${modeOf(info)}). It was not used. ` +
        `Close it with "chmod go= ${clean(file)}".`
    )
    : Effect.void
}
