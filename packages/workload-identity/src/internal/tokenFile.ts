import { type AssertionRequest, isRefused } from "@effect-mcp-auth/core/Assertion"
import { isFresh } from "@effect-mcp-auth/core/authoring/AssertionCache"
import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
import * as PlatformFailure from "@effect-mcp-auth/core/authoring/PlatformFailure"
import { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Assertion from "./assertion.ts"

/** The largest file that is read, in bytes. */
const MAX_SIZE = 64 * 1024

/** The time limit for checking and reading the file, which may be on a network. */
const TIMEOUT = Duration.seconds(10)

/** How long after a change a program may still be writing the file, in milliseconds. */
const SETTLING = 10_000

/** The resolution of a file's time of change, in milliseconds. Two changes within that time look like one. */
const GRANULARITY = 2000

/** The properties that distinguish two versions of a file. */
interface Version {
  readonly size: bigint
  readonly inode: number | bigint | undefined
  readonly changedAt: number | undefined
}

/**
 * A token, and the version of the file that contained it.
 *
 * @internal
 */
export interface Known {
  readonly assertion: Assertion.Assertion
  readonly version: Version
}

/** @internal */
export const AZURE =
  "The webhook of Azure workload identity mounts it in pods labelled `azure.workload.identity/use: \"true\"`"

const KUBERNETES = "Kubernetes mounts it where the pod's spec has a projected volume with `serviceAccountToken`."

const writtenBy = (path: string): string => {
  if (path.startsWith("/var/run/secrets/azure/")) return `${AZURE}.`
  return path.startsWith("/var/run/secrets/")
    ? KUBERNETES
    : "Check the path, and that the program that writes the file runs."
}

const isSameVersion = (a: Version, b: Version): boolean =>
  a.size === b.size && a.inode === b.inode && a.changedAt === b.changedAt

/** Whether a change after the file was read would be visible. */
const isSettled = ({ changedAt }: Version, readAt: number): boolean =>
  changedAt !== undefined && readAt - changedAt > GRANULARITY

/**
 * Reads the token in the file as it is now: the last one, unless the file must be read again.
 *
 * @internal
 */
export type TokenFile = (request: AssertionRequest, last: Known | undefined) => Effect.Effect<Known, AssertionError>

/** Makes an error about the file. */
type Failed = (reason: AssertionError["reason"], what: string, cause?: PlatformError) => AssertionError

const failedAt = (path: string): Failed => (reason, what, cause) =>
  new AssertionError({
    reason,
    description: `The file ${clean(path)} ${what}. ${writtenBy(path)}`,
    ...(cause === undefined ? {} : { cause })
  })

const unreadable = (failed: Failed) => (error: PlatformError): AssertionError =>
  PlatformFailure.reasonOf(error) === "NotFound"
    ? failed("Unavailable", "does not exist", error)
    : PlatformFailure.reasonOf(error) === "PermissionDenied"
    ? failed("Unavailable", "cannot be read by this process: it has no permission", error)
    : failed("Unavailable", "could not be read", error)

const tooLarge = (failed: Failed) => failed("Malformed", `is larger than ${MAX_SIZE} bytes, which no token is`)

const versionOf = (info: FileSystem.File.Info, failed: Failed): Effect.Effect<Version, AssertionError> => {
  const { ino, mtime, size, type } = info
  if (type === "Directory") return failed("Malformed", "is a directory. Give the path of the file in it")
  if (type !== "File") return failed("Malformed", `is not a file but of type ${type}`)
  if (size > MAX_SIZE) return tooLarge(failed)
  return Effect.succeed({
    size,
    inode: Option.getOrUndefined(ino),
    changedAt: Option.getOrUndefined(mtime)?.getTime()
  })
}

/** @internal */
export const make = (files: FileSystem.FileSystem, path: string, expected: Assertion.Expected): TokenFile => {
  const failed = failedAt(path)

  const read = (version: Version): Effect.Effect<Known, AssertionError> =>
    Effect.gen(function*() {
      const bytes = yield* Effect.mapError(files.readFile(path), unreadable(failed))
      if (bytes.byteLength > MAX_SIZE) return yield* tooLarge(failed)
      const now = yield* Clock.currentTimeMillis
      const isBeingWritten = version.changedAt !== undefined && now - version.changedAt < SETTLING
      const assertion = yield* Either.mapLeft(
        Assertion.read(new TextDecoder().decode(bytes), now, expected),
        // The platform may be in the middle of writing the file.
        (error) =>
          isBeingWritten ? new AssertionError({ reason: "Unavailable", description: error.description }) : error
      )
      return { assertion, version: isSettled(version, now) ? version : { ...version, changedAt: undefined } }
    })

  const current: TokenFile = (request, last) =>
    Effect.gen(function*() {
      const version = yield* versionOf(yield* Effect.mapError(files.stat(path), unreadable(failed)), failed)
      const now = yield* Clock.currentTimeMillis
      return last !== undefined && !isRefused(last.assertion.value, request) && version.changedAt !== undefined &&
          isSameVersion(version, last.version) && isFresh(last.assertion, now)
        ? last
        : yield* read(version)
    })

  return (request, last) =>
    Effect.timeoutFail(current(request, last), {
      duration: TIMEOUT,
      onTimeout: () => failed("Unavailable", `could not be read within ${Duration.format(TIMEOUT)}`)
    })
}
