/**
 * A file that the platform writes a token to, and writes again before the token expires: the projected service account
 * tokens of Kubernetes, Azure workload identity, SPIFFE helpers.
 *
 * @since 0.1.0
 */
import { type AssertionRequest, isRefused } from "@effect-mcp-auth/core/Assertion"
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { isFresh } from "@effect-mcp-auth/core/authoring/AssertionCache"
import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
import { AssertionError, InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Assertion from "./internal/assertion.ts"
import * as Environment from "./internal/environment.ts"

/**
 * What a token in a file is to be.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenOptions {
  /**
   * What the token's `aud` is, where that is neither the issuer nor the token endpoint of the authorization server, such
   * as `api://AzureADTokenExchange` for Entra ID.
   */
  readonly audience?: string | undefined
  /** Whether the file may hold anything else than a JWT; `false` unless given, so that half a file is not taken for one. */
  readonly opaque?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends TokenOptions {
  readonly path: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface EnvironmentOptions extends TokenOptions {
  /** The name of the variable that holds the path. */
  readonly variable: string
}

/** In bytes. */
const MAX_SIZE = 64 * 1024

/** For looking at the file and reading it; it may be on a network. */
const TIMEOUT = Duration.seconds(10)

/** How long ago a file was changed that may still be being written, in milliseconds. */
const SETTLING = 10_000

/** Times of change may be no finer than this, so that two changes within it look like one. In milliseconds. */
const GRANULARITY = 2000

/** What tells two versions of a file apart. */
interface Version {
  readonly size: FileSystem.Size
  readonly inode: number | undefined
  readonly changedAt: number | undefined
}

interface Known {
  readonly assertion: Assertion.Assertion
  readonly version: Version
}

const AZURE =
  "The webhook of Azure workload identity mounts it in pods labelled `azure.workload.identity/use: \"true\"`"

const KUBERNETES = "Kubernetes mounts it where the pod's spec has a projected volume with `serviceAccountToken`."

const setBy: ReadonlyMap<string, string> = new Map([
  ["AZURE_FEDERATED_TOKEN_FILE", `${AZURE}, and sets this variable.`],
  [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "EKS sets it in pods whose service account is annotated with `eks.amazonaws.com/role-arn`."
  ]
])

const writtenBy = (path: string): string => {
  if (path.startsWith("/var/run/secrets/azure/")) return `${AZURE}.`
  return path.startsWith("/var/run/secrets/") ? KUBERNETES : "Check the path, and whether what writes it runs."
}

const isSameVersion = (a: Version, b: Version): boolean =>
  a.size === b.size && a.inode === b.inode && a.changedAt === b.changedAt

/** Whether a change after the file was read would show. */
const isSettled = ({ changedAt }: Version, readAt: number): boolean =>
  changedAt !== undefined && readAt - changedAt > GRANULARITY

/**
 * The file is looked at for every assertion, and read again when it has changed, when its token nears its end, and when
 * the authorization server refused it. While it is gone or half-written, the last good token serves as long as it is
 * valid. A file that is not there is no error before an assertion is asked for.
 *
 * The platform alone says when there is another token: until then the same one is given out each time, whether it has a
 * `jti` or not.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<AssertionProvider.Service, InvalidOptions, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const { audience, path } = options
    if (path === "") {
      return yield* new InvalidOptions({ option: "path", description: "it is empty. Give the path of the file." })
    }
    const name = `The file ${clean(path)}`
    const expected: Assertion.Expected = {
      name: `The token in ${clean(path)}`,
      remedy: "Have one written that the authorization server expects, or set `audience` to the token's own.",
      opaque: options.opaque,
      ...(audience === undefined ? {} : { audience: () => [audience] })
    }
    let known: Known | undefined

    const failed = (reason: AssertionError["reason"], what: string, cause?: PlatformError) =>
      new AssertionError({
        reason,
        description: `${name} ${what}. ${writtenBy(path)}`,
        ...(cause === undefined ? {} : { cause })
      })

    const unreadable = (error: PlatformError) =>
      error._tag === "SystemError" && error.reason === "NotFound"
        ? failed("Unavailable", "does not exist", error)
        : error._tag === "SystemError" && error.reason === "PermissionDenied"
        ? failed("Unavailable", "must not be read by this process", error)
        : failed("Unavailable", "could not be read", error)

    const tooLarge = failed("Malformed", `is larger than ${MAX_SIZE} bytes, and holds no token`)

    const look: Effect.Effect<Version, AssertionError> = Effect.flatMap(
      Effect.mapError(files.stat(path), unreadable),
      ({ ino, mtime, size, type }) => {
        if (type === "Directory") return failed("Malformed", "is a directory. Give the path of the file in it")
        if (type !== "File") return failed("Malformed", `is not a file but of type ${type}`)
        if (size > MAX_SIZE) return tooLarge
        return Effect.succeed({
          size,
          inode: Option.getOrUndefined(ino),
          changedAt: Option.getOrUndefined(mtime)?.getTime()
        })
      }
    )

    const read = (version: Version): Effect.Effect<Known, AssertionError> =>
      Effect.gen(function*() {
        const bytes = yield* Effect.mapError(files.readFile(path), unreadable)
        if (bytes.byteLength > MAX_SIZE) return yield* tooLarge
        const now = yield* Clock.currentTimeMillis
        const isBeingWritten = version.changedAt !== undefined && now - version.changedAt < SETTLING
        const assertion = yield* Either.mapLeft(
          Assertion.read(new TextDecoder().decode(bytes), now, expected),
          // Whoever writes it may be in the middle of it.
          (error) =>
            isBeingWritten ? new AssertionError({ reason: "Unavailable", description: error.description }) : error
        )
        return { assertion, version: isSettled(version, now) ? version : { ...version, changedAt: undefined } }
      })

    const current = (request: AssertionRequest, last: Known | undefined) =>
      Effect.flatMap(look, (version) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          last !== undefined && !isRefused(last.assertion.value, request) && version.changedAt !== undefined &&
            isSameVersion(version, last.version) && isFresh(last.assertion, now)
            ? Effect.succeed(last)
            : read(version)))

    const check = (assertion: Assertion.Assertion, request: AssertionRequest) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Assertion.check(assertion, request, now, expected))

    return (request) =>
      Effect.suspend(() => {
        const last = known
        return current(request, last).pipe(
          Effect.timeoutFail({
            duration: TIMEOUT,
            onTimeout: () =>
              failed("Unavailable", `could not be read within ${Duration.format(TIMEOUT)}`)
          }),
          Effect.tap(({ assertion }) => check(assertion, request)),
          Effect.map((found) => {
            // What is of no use does not take the place of what is.
            known = found
            return found.assertion
          }),
          Effect.catchAll((error) =>
            last === undefined || isRefused(last.assertion.value, request)
              ? Effect.fail(error)
              : Effect.mapError(check(last.assertion, request), () => error)
          ),
          Effect.map(({ value }) => value)
        )
      })
  })

/**
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { File } from "@effect-mcp-auth/workload-identity"
 *
 * // A projected service account token of Kubernetes; provide the `FileSystem` of your platform.
 * const Assertions = File.layer({ path: "/var/run/secrets/tokens/mcp" })
 * ```
 */
export const layer = (
  options: Options
): Layer.Layer<AssertionProvider, InvalidOptions, FileSystem.FileSystem> =>
  Layer.effect(AssertionProvider, make(options))

/**
 * `make` with the path from a variable of `Config`, such as `AZURE_FEDERATED_TOKEN_FILE`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeEnvironment = (
  { variable, ...options }: EnvironmentOptions
): Effect.Effect<AssertionProvider.Service, InvalidOptions, FileSystem.FileSystem> =>
  Effect.flatMap(
    Environment.required(variable, setBy.get(variable) ?? "It has to hold the path of the file with the token."),
    (path) => make({ ...options, path })
  )

/**
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { File } from "@effect-mcp-auth/workload-identity"
 *
 * // Azure workload identity, for Entra ID.
 * const Assertions = File.layerEnvironment({
 *   variable: "AZURE_FEDERATED_TOKEN_FILE",
 *   audience: "api://AzureADTokenExchange"
 * })
 * ```
 */
export const layerEnvironment = (
  options: EnvironmentOptions
): Layer.Layer<AssertionProvider, InvalidOptions, FileSystem.FileSystem> =>
  Layer.effect(AssertionProvider, makeEnvironment(options))
