/**
 * Input and output of the programs that measure in processes of their own, so that nothing that ran before counts into
 * their heap and their CPU time.
 */
import * as Schema from "effect/Schema"
import { fork } from "node:child_process"

export interface Measurement<I, O> {
  /** The module that measures. */
  readonly program: URL
  readonly input: Schema.Schema<I>
  readonly output: Schema.Schema<O>
}

const measurement = <I, O>(name: string, input: Schema.Schema<I>, output: Schema.Schema<O>): Measurement<I, O> => ({
  program: new URL(`programs/${name}.ts`, import.meta.url),
  input,
  output
})

const point = Schema.Tuple(Schema.Number, Schema.Number)

export const providers = measurement(
  "providers",
  Schema.Struct({
    /** How many providers, in ascending order. */
    sizes: Schema.Array(Schema.Number)
  }),
  Schema.Struct({
    sizes: Schema.Array(Schema.Struct({
      providers: Schema.Number,
      /** CPU time to make one provider, in microseconds. */
      buildMicros: Schema.Number,
      /** Heap of a provider before its first token, in KiB. */
      builtKib: Schema.Number,
      /** Heap of a provider that holds a token, in KiB. */
      heldKib: Schema.Number,
      /** CPU time of a first token, discovery included, in microseconds. */
      firstTokenMicros: Schema.Number
    })),
    /** One hour of the largest number of providers, after all got their first tokens at once. */
    hour: Schema.Struct({
      renewals: Schema.Number,
      cpuMicrosPerRenewal: Schema.Number,
      /** CPU seconds in the hour. */
      cpuSeconds: Schema.Number,
      failed: Schema.Number,
      /** Minute of the hour, and how many renewals fell into a second of it: the most. */
      perSecond: Schema.Array(point),
      busiestSecond: Schema.Number,
      meanPerSecond: Schema.Number
    })
  })
)

export const accessToken = measurement(
  "accessToken",
  Schema.Struct({ perRound: Schema.Number, rounds: Schema.Number }),
  Schema.Struct({
    /** How the token was read, and how many times in a second of CPU time: one figure for each round. */
    ways: Schema.Array(Schema.Struct({ name: Schema.String, perSecond: Schema.Array(Schema.Number) }))
  })
)

export const soak = measurement(
  "soak",
  Schema.Struct({ calls: Schema.Number, seed: Schema.Number }),
  Schema.Struct({
    calls: Schema.Number,
    turns: Schema.Number,
    served: Schema.Number,
    /** Failures while no token was valid and the last answer of the authorization server was a fault. */
    explained: Schema.Number,
    unexplained: Schema.Number,
    /** The first few unexplained failures. */
    examples: Schema.Array(Schema.String),
    interrupted: Schema.Number,
    tokenRequests: Schema.Number,
    virtualHours: Schema.Number,
    cpuSeconds: Schema.Number,
    /** Calls so far, and the heap after a collection, in KiB. */
    heap: Schema.Array(point)
  })
)

/** Runs a measurement in a process of its own, in which garbage can be collected on demand. */
export const measure = <I, O>({ input, output, program }: Measurement<I, O>, given: I): Promise<O> =>
  new Promise((resolve, reject) => {
    const child = fork(program, [JSON.stringify(Schema.encodeSync(input)(given))], { execArgv: ["--expose-gc"] })
    let answer: O | undefined
    child.once("message", (message) => {
      answer = Schema.decodeUnknownSync(output)(message)
      child.disconnect()
    })
    child.once("error", reject)
    child.once("exit", (code) => {
      if (answer === undefined) reject(new Error(`${program.pathname} has ended (exit code ${code})`))
      else resolve(answer)
    })
  })

/** The other end: measures with the given input and sends the output. */
export const answer = async <I, O>(
  { input, output }: Measurement<I, O>,
  f: (given: I) => Promise<O>
): Promise<void> => {
  const given = Schema.decodeUnknownSync(Schema.parseJson(input))(process.argv[2])
  process.send?.(Schema.encodeSync(output)(await f(given)))
}

/** Bytes in use after a collection. The second collection takes what the finalizers of the first one released. */
export const heapUsed = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** CPU time of this process since `before`, in microseconds. */
export const cpuMicros = (before?: NodeJS.CpuUsage): number => {
  const { system, user } = process.cpuUsage(before)
  return system + user
}
