import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
import { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import type * as RecordTokenStorage from "@effect-mcp-auth/core/RecordTokenStorage"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as AbandonedFolders from "./abandonedFolders.ts"
import { explain, isMissing, type Operation } from "./explain.ts"
import * as Generations from "./generations.ts"
import * as Lease from "./lease.ts"
import * as PrivateFiles from "./privateFiles.ts"

/** The number of attempts at a step at which other processes are faster. After that, something else must be wrong. */
const MAX_ATTEMPTS = 100

/** The longest lifetime of a record, in milliseconds: a year. File systems cannot store every future time. */
const LONGEST = 365 * 24 * 60 * 60 * 1000

/**
 * Records in files, for any number of processes on one machine: a folder for each name, with the numbered files of the
 * record and of the lease. An empty file means that the record was removed.
 *
 * @internal
 */
export const make = (options: {
  readonly directory: string
  readonly leaseDuration: Duration.Duration
}): Effect.Effect<RecordTokenStorage.Store, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const files = yield* PrivateFiles.make(options.directory)
    const generations = yield* Generations.make
    const lease = yield* Lease.make({ files, generations, leaseDuration: options.leaseDuration })
    const removeAbandoned = yield* AbandonedFolders.make(generations)

    const tooBusy = (operation: Operation) =>
      new TokenStorageError({
        operation,
        description: `${
          clean(options.directory)
        } keeps changing: other processes write to it, or clear it, all the time.`
      })

    const current = (operation: Operation, folder: PrivateFiles.Folder) =>
      Effect.gen(function*() {
        for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
          const generation = yield* generations.highest(folder.path, "record")
          if (generation === 0) return { generation, content: Option.none<string>() }
          const read = folder.read(generations.fileOf(folder.path, "record", generation))
          // For a write, a record that cannot be read counts as absent.
          const content = yield* operation === "get" ? read : Effect.orElseSucceed(read, () => Option.some(""))
          // None if the file was removed at this moment, because a higher number was written.
          if (Option.isSome(content)) return { generation, content: Option.filter(content, (text) => text !== "") }
        }
        return yield* tooBusy(operation)
      })

    /** Makes the change once. Returns false if another process was faster. */
    const attempt = (
      name: string,
      operation: "set" | "remove",
      change: (current: Option.Option<string>) => Effect.Effect<RecordTokenStorage.Change, TokenStorageError>
    ) =>
      Effect.gen(function*() {
        const folder = yield* files.folder(operation, name)
        const { content, generation } = yield* current(operation, folder)
        const made = yield* change(content)
        if (made._tag === "Keep") return true
        const [record, keepFor] = made._tag === "Write" ? [made.record, made.keepFor] : ["", 0]
        const until = (yield* Clock.currentTimeMillis) + Math.min(keepFor, LONGEST)
        const done = yield* generations.publish(folder.path, "record", generation + 1, record, until)
        if (done) yield* removeAbandoned(folder.base)
        return done
      }).pipe(
        // Another process has removed the folder at this moment.
        Effect.catchIf(isMissing, () => Effect.succeed(false)),
        Effect.mapError(explain(operation))
      )

    return {
      get: (name) =>
        Effect.gen(function*() {
          const folder = yield* files.existingFolder("get", name)
          return Option.isNone(folder) ? Option.none<string>() : (yield* current("get", folder.value)).content
        }).pipe(
          Effect.catchIf(isMissing, () => Effect.succeedNone),
          Effect.mapError(explain("get"))
        ),
      modify: (name, operation, change) =>
        Effect.gen(function*() {
          for (let times = 0; times < MAX_ATTEMPTS; times++) {
            if (yield* attempt(name, operation, change)) return
          }
          return yield* tooBusy(operation)
        }),
      lease
    }
  })
