/**
 * Secrets that change while the program runs, for the options `clientSecret` and `signingKey`.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as PlatformFailure from "./authoring/PlatformFailure.ts"
import * as TextOption from "./authoring/TextOption.ts"
import { clean } from "./internal/text/clean.ts"
import { markReadEachTime } from "./internal/tokenRequest/secretReading.ts"
import { CredentialError } from "./OAuthError.ts"

/** The largest file that is read, in bytes. */
const MAX_SIZE = 64 * 1024

/** The time limit for reading the file, which may be on a network. */
const TIMEOUT = Duration.seconds(10)

/** The module is loaded when a file is read, so that a program without files never loads it. */
const fileSystem = Effect.flatMap(
  Effect.promise(() => import("@effect/platform/FileSystem")),
  (module) => module.FileSystem
)

/**
 * The secret in a file that the platform writes, for example a mounted secret of Kubernetes or Docker.
 *
 * The file is read for every token request, so that a new secret is used from the next token on. Token requests are
 * rare, and the modification time of a file does not show every change. The file is read again when the authorization
 * server has refused the secret. While the file is missing or empty, the last secret is used unless it was refused.
 *
 * One line break at the end of the file is removed, and a byte order mark at its start. For a `signingKey` the file is
 * read when the Layer is built and after a refusal.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { Secret } from "@effect-mcp-auth/core"
 * import { FileSystem } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 *
 * const Auth = Layer.unwrapEffect(Effect.map(FileSystem.FileSystem, (files) =>
 *   ClientSecret.layer({
 *     serverUrl: "https://mcp.example.com/mcp",
 *     issuer: "https://auth.example.com",
 *     clientId: "nightly-report",
 *     clientSecret: Secret.file("/run/secrets/mcp-client").pipe(Effect.provideService(FileSystem.FileSystem, files))
 *   })))
 * ```
 */
export const file = (
  path: string
): Effect.Effect<Redacted.Redacted<string>, CredentialError, FileSystem.FileSystem> =>
  Effect.timeoutFail(Effect.flatMap(fileSystem, (files) => read(files, path)), {
    duration: TIMEOUT,
    onTimeout: () => failed("Unavailable", path, `could not be read within ${Duration.format(TIMEOUT)}`)
  })

/**
 * An Effect whose secret is read anew for every token request. Any other Effect in `clientSecret` runs at the first use
 * and after a refusal only.
 *
 * @since 0.1.0
 * @category combinators
 * @example
 * ```ts
 * import type { OAuthError } from "@effect-mcp-auth/core"
 * import { Secret } from "@effect-mcp-auth/core"
 * import type { Effect, Redacted } from "effect"
 *
 * declare const fromVault: Effect.Effect<Redacted.Redacted<string>, OAuthError.CredentialError>
 *
 * const clientSecret = Secret.readEachTime(fromVault)
 * ```
 */
export const readEachTime = <E, R>(
  self: Effect.Effect<Redacted.Redacted<string>, E, R>
): Effect.Effect<Redacted.Redacted<string>, E, R> => Effect.map(self, (secret) => markReadEachTime(secret))

const read = (files: FileSystem.FileSystem, path: string) =>
  Effect.gen(function*() {
    const named = TextOption.check("path", path, "Give the path of the file.")
    if (Either.isLeft(named)) {
      const description = `No secret was read: ${named.left.message}`
      return yield* new CredentialError({ reason: "Malformed", description })
    }
    const { size, type } = yield* Effect.mapError(files.stat(path), unreadable(path))
    if (type === "Directory") {
      return yield* failed("Malformed", path, "is a directory", "Give the path of the file in it.")
    }
    const bytes = size > MAX_SIZE ? undefined : yield* Effect.mapError(files.readFile(path), unreadable(path))
    if (bytes === undefined || bytes.byteLength > MAX_SIZE) {
      return yield* failed("Malformed", path, `is larger than ${MAX_SIZE} bytes, which no secret is`)
    }
    const text = yield* Effect.try({
      // The decoder takes off a byte order mark.
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
      catch: () => failed("Malformed", path, "is not UTF-8", "Save it as UTF-8, as a file of text.")
    })
    const secret = text.replace(/\r?\n$/, "")
    // Whether a text of several lines is usable depends on the option: it may be a key.
    if (secret.trim() === "") {
      return yield* failed("Malformed", path, "is empty", "Check the program that writes the file.")
    }
    return markReadEachTime(Redacted.make(secret), `The file ${clean(path)}`)
  })

const unreadable = (path: string) => (error: PlatformError): CredentialError => {
  const reason = PlatformFailure.reasonOf(error)
  return reason === "NotFound"
    ? failed("Unavailable", path, "does not exist")
    : reason === "PermissionDenied"
    ? failed("Unavailable", path, "cannot be read by this process", "Give the process the right to read it.")
    : failed("Unavailable", path, "could not be read")
}

const failed = (
  reason: CredentialError["reason"],
  path: string,
  what: string,
  advice = "Check the path, and that the secret is mounted."
): CredentialError =>
  new CredentialError({
    reason,
    description: `The file ${clean(path)} ${what}. ${advice}`
  })
