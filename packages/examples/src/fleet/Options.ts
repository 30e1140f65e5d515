/**
 * The command line of `pnpm demo:fleet`.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import * as Storage from "./Storage.ts"

export const usage = `Usage: pnpm demo:fleet [options]

  --storage <which>    redis (default; at $REDIS_URL, else a redis-server is started), file, or memory
  --kill               at each renewal, kill the process that makes it and start another in its place
  --seconds <number>   how long the run takes; default: 30
  --help
`

export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

export interface Options {
  readonly storage: Storage.Kind
  readonly kill: boolean
  readonly seconds: number
}

/** `undefined` if the user asked for help. */
export const read: Effect.Effect<Options | undefined, UsageError> = Effect.try({
  try: () => {
    const { values } = parseArgs({
      options: {
        storage: { type: "string", default: "redis" },
        kill: { type: "boolean", default: false },
        seconds: { type: "string", default: "30" },
        help: { type: "boolean", default: false }
      }
    })
    if (values.help) return undefined
    const storage = Storage.kinds.find((kind) => kind === values.storage)
    const seconds = Number(values.seconds)
    if (storage === undefined) throw new Error(`--storage must be redis, file or memory, not "${values.storage}"`)
    if (!(seconds >= 10 && seconds <= 3600)) throw new Error("--seconds must be a number from 10 to 3600")
    if (storage === "memory" && values.kill) {
      throw new Error("--kill needs a shared storage: with memory, no other process can take over")
    }
    return { storage, kill: values.kill, seconds }
  },
  catch: (error) => new UsageError({ message: `${error instanceof Error ? error.message : String(error)}\n\n${usage}` })
})
