import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
import * as PlatformFailure from "@effect-mcp-auth/core/authoring/PlatformFailure"
import { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"

/** @internal */
export type Operation = TokenStorageError["operation"]

const NOT_A_DIRECTORY = "Something that is not a directory is in the way. Give another `directory`."

/** What messages of the file system contain, and advice for the user. The first message that has all parts counts. */
const advices: ReadonlyArray<readonly [parts: ReadonlyArray<RegExp>, advice: string]> = [
  [
    [/\blink\b/, /EPERM|ENOTSUP|EOPNOTSUPP|ENOSYS/],
    "The file system has no hard links. Give a `directory` on another file system."
  ],
  [[/EEXIST|ENOTDIR/], NOT_A_DIRECTORY],
  [[/makeDirectory/, /ENOENT/], NOT_A_DIRECTORY],
  [[/EACCES|EPERM|EROFS/], "Give a `directory` that this process can write to."],
  [[/ENOSPC|EDQUOT/], "Free some space. Until then, tokens are not stored."]
]

const adviceOn = (message: string): string =>
  advices.find(([parts]) => parts.every((part) => part.test(message)))?.[1] ?? ""

/**
 * The error of the file system as an error of the storage.
 *
 * @internal
 */
export const explain = (operation: Operation) => (cause: PlatformError | TokenStorageError): TokenStorageError => {
  if (cause._tag === "TokenStorageError") return cause
  const message = PlatformFailure.messageOf(cause)
  return new TokenStorageError({
    operation,
    description: `${clean(message)}. ${adviceOn(message)}`.trim(),
    cause
  })
}

/** @internal */
export const isMissing = (error: PlatformError | TokenStorageError): boolean =>
  error._tag !== "TokenStorageError" && PlatformFailure.reasonOf(error) === "NotFound"

/**
 * Turns the failure for a missing file or folder into none.
 *
 * @internal
 */
export const unlessMissing = <A, E extends PlatformError | TokenStorageError>(
  effect: Effect.Effect<A, E>
): Effect.Effect<Option.Option<A>, E> => Effect.catchIf(Effect.asSome(effect), isMissing, () => Effect.succeedNone)

/**
 * The error of reason `Insecure`. `description` follows the path of the file.
 *
 * @internal
 */
export const insecure = (operation: Operation, file: string, description: string): TokenStorageError =>
  new TokenStorageError({ operation, reason: "Insecure", description: `${clean(file)} ${description}` })
