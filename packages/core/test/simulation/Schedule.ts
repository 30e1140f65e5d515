/** The steps of a simulation, made from a seed, as plain data that can be printed, cut and run again. */
import { SeededRandom } from "../support/random.ts"

/** How the token endpoint answers. */
export type Answer =
  | { readonly _tag: "Token" }
  | { readonly _tag: "Status"; readonly status: number }
  /** The header has the `seconds` as a number, or as a date. */
  | {
    readonly _tag: "RetryAfter"
    readonly status: number
    readonly seconds: number
    readonly form: "seconds" | "date"
  }
  | { readonly _tag: "Refusal"; readonly code: string }
  | { readonly _tag: "Garbage" }
  | { readonly _tag: "Broken" }
  | { readonly _tag: "Hang" }

/**
 * A change of the world. Times are in milliseconds, except `life`, which is in seconds as in a token response.
 *
 * - `Revoke`: the MCP server rejects all tokens issued so far.
 * - `Server`: how slowly the MCP server answers, whether it rejects every token, and whether its 401 has a challenge.
 * - `Tokens`: the tokens from now on. Without a `life`, the response has no `expires_in`.
 * - `Scopes`: whether scopes beyond the usual are granted, left out or refused.
 */
export type WorldStep =
  | { readonly _tag: "Metadata"; readonly answer: Answer }
  | { readonly _tag: "Revoke" }
  | { readonly _tag: "Scopes"; readonly extra: "granted" | "leftOut" | "refused" }
  | { readonly _tag: "Server"; readonly delay: number; readonly rejects: boolean; readonly challenge: boolean }
  | { readonly _tag: "Storage"; readonly state: "works" | "fails" | "hangs" | "dies" }
  | { readonly _tag: "TokenEndpoint"; readonly answer: Answer }
  | { readonly _tag: "Tokens"; readonly life?: number; readonly delay: number }

/**
 * Calls of one provider, one each `every` milliseconds.
 *
 * - `limit`: the callers' own time limit, in milliseconds.
 * - `body`: a stream cannot be sent twice.
 * - `scope`: the scope that the server requires of these calls beyond the usual one.
 */
export interface Calls {
  readonly _tag: "Calls"
  readonly provider: number
  readonly count: number
  readonly every: number
  readonly limit?: number
  readonly body: "text" | "stream"
  readonly scope?: string
}

/** `Interrupt` interrupts `percent` of the callers. `SetClock` sets the clock forward or, below 0, backward. */
export type Step =
  | WorldStep
  | Calls
  | { readonly _tag: "Close"; readonly provider: number }
  | { readonly _tag: "Interrupt"; readonly percent: number; readonly salt: number }
  | { readonly _tag: "SetClock"; readonly millis: number }
  | { readonly _tag: "Suspend"; readonly millis: number }
  | { readonly _tag: "Wait"; readonly millis: number }

export interface Schedule {
  readonly seed: number
  /** How many providers of one key share a storage. */
  readonly providers: number
  readonly caller: "HttpClient" | "fetch"
  readonly discovery: boolean
  /** Whether ready fibers run in random order, and after how many operations they yield. */
  readonly anyOrder: boolean
  readonly maxOps: number
  readonly steps: ReadonlyArray<Step>
}

const lives = [2, 2, 5, 10, 60, 60, 300, 3600, 3600, 86_400, 60 * 86_400]
const refusals = ["invalid_client", "unauthorized_client", "invalid_request"]
const outages = [500, 502, 503, 504]

/** The same schedule for the same seed. */
export const make = (seed: number): Schedule => {
  const random = new SeededRandom(seed, 0x5eed)
  const chance = (percent: number): boolean => random.integer(100) < percent
  const between = (from: number, to: number): number => from + random.integer(to - from + 1)
  const pick = <A>(...choices: readonly [A, ...ReadonlyArray<A>]): A =>
    choices[random.integer(choices.length)] ?? choices[0]

  const providers = chance(15) ? 2 : 1
  let life: number | undefined = 60

  const calls = (): Calls => ({
    _tag: "Calls",
    provider: random.integer(providers),
    count: pick(1, 1, 1, 2, 3, 5, chance(10) ? 40 : 8),
    every: pick(0, 0, 1, 10, 100, 700),
    ...(chance(15) ? { limit: pick(0, 1, 50, 500, 3000, 12_000) } : {}),
    body: chance(10) ? "stream" : "text",
    ...(chance(15) ? { scope: pick("read", "write") } : {})
  })

  /** The waits are about as long as a token's life, a time limit or a backoff. */
  const wait = (): Step => ({
    _tag: "Wait",
    millis: pick(
      () => between(0, 50),
      () => between(50, 2000),
      () => between(50, 2000),
      () => between(1000, 30_000),
      () => (life ?? 300) * 10 * between(60, 105),
      () => (life ?? 300) * 10 * between(60, 105),
      () => (life ?? 300) * between(1000, 3000),
      () => between(30_000, 900_000)
    )()
  })

  const tokens = (): Step => {
    life = chance(8) ? undefined : chance(4) ? 0 : pick(2, ...lives)
    return { _tag: "Tokens", ...(life === undefined ? {} : { life }), delay: chance(60) ? 0 : between(1, 9000) }
  }

  const server = (): Step => ({
    _tag: "Server",
    delay: chance(50) ? 0 : between(1, 3000),
    rejects: chance(10),
    challenge: chance(70)
  })

  const answer = (): Answer =>
    pick<() => Answer>(
      () => ({ _tag: "Status", status: pick(500, ...outages) }),
      () => ({ _tag: "Status", status: 429 }),
      () => ({
        _tag: "RetryAfter",
        status: pick(429, 503),
        seconds: pick(0, 1, 2, 10, 120),
        form: pick("seconds", "date")
      }),
      () => ({ _tag: "Refusal", code: pick("invalid_client", ...refusals) }),
      () => ({ _tag: "Garbage" }),
      () => ({ _tag: "Broken" }),
      () => ({ _tag: "Hang" })
    )()

  const recovered: Step = { _tag: "TokenEndpoint", answer: { _tag: "Token" } }

  const some = (): ReadonlyArray<Step> =>
    pick<() => ReadonlyArray<Step>>(
      () => [calls()],
      () => [calls(), wait(), calls()],
      () => [wait(), calls()],
      () => [calls(), { _tag: "Wait", millis: between(0, 3000) }, {
        _tag: "Interrupt",
        percent: pick(20, 50, 100),
        salt: random.integer(100)
      }],
      () => [{ _tag: "Revoke" }, calls()],
      () => [server(), calls(), { _tag: "Wait", millis: between(0, 1000) }, { _tag: "Revoke" }, calls(), wait()],
      () => [server()],
      () => [
        { _tag: "Server", delay: 0, rejects: true, challenge: chance(70) },
        { ...calls(), count: 15, every: pick(10, 50) },
        wait(),
        server()
      ],
      () => [tokens()],
      () => [{ _tag: "TokenEndpoint", answer: answer() }, calls(), wait(), calls(), wait(), recovered],
      () => [{ _tag: "TokenEndpoint", answer: answer() }, wait(), calls(), wait(), recovered, wait(), calls()],
      () => [{ _tag: "TokenEndpoint", answer: answer() }],
      () => [recovered],
      () => [recovered, { _tag: "Metadata", answer: chance(30) ? answer() : { _tag: "Token" } }],
      () => [{ _tag: "Scopes", extra: pick("granted", "granted", "leftOut", "refused") }],
      () => [{ _tag: "Storage", state: pick("works", "works", "fails", "hangs", "dies") }],
      () => [{ _tag: "Suspend", millis: between(1, 5) * pick(100, 1000, 60_000, 3_600_000) }, calls()],
      () => [{ _tag: "SetClock", millis: pick(-1, 1, 1) * between(1, 9) * pick(10, 1000, 60_000) }, calls()]
    )()

  const steps: Array<Step> = chance(50) ? [tokens(), calls()] : [calls()]
  const length = between(5, 15)
  while (steps.length < length) steps.push(...some())
  if (chance(40)) steps.push({ _tag: "Wait", millis: (life ?? 300) * between(500, 4000) })
  if (chance(30)) steps.push(calls(), { _tag: "Close", provider: random.integer(providers) }, calls())
  return {
    seed,
    providers,
    caller: chance(20) ? "fetch" : "HttpClient",
    discovery: chance(30),
    anyOrder: chance(60),
    maxOps: pick(2048, 2048, 200, 50),
    steps
  }
}

/** One line per step. Each line is a literal that can be pasted into a test. */
export const print = ({ steps, ...setup }: Schedule): string =>
  [JSON.stringify(setup), ...steps.map((step) => `  ${JSON.stringify(step)}`)].join("\n")
