/**
 * A million calls through one provider with faults: in each turn of ten seconds the authorization server has another
 * fault, drawn at random, from no answer at all to an answer that makes no sense. In virtual time and without a
 * network. Each failed call must be explained by a fault.
 */
import { AccessToken, OAuthHttpClient, OAuthProvider } from "@effect-mcp-auth/core"
import { VirtualClock } from "@effect-mcp-auth/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Fleet from "../fleet.ts"
import { answer, cpuMicros, heapUsed, soak as measurement } from "../measurements.ts"
import * as MemoryServers from "../memoryServers.ts"
import { seeded } from "../statistics.ts"

const turnMillis = 10_000
const tickMillis = 100
const callsPerTick = 10
/** Long enough to be renewed in a turn without a fault, short enough to expire in an outage of a few turns. */
const tokenLifetimeMillis = 20_000
/** The faults of the other turns end before half of it is over. */
const shareOfWholeTurns = 0.1
/** The share of calls that go through `OAuthHttpClient`. The others only use the token, or the run would take hours. */
const shareOfHttpClient = 0.1
const shareInterrupted = 0.05
const mostExamples = 5
const samples = 20
/** A client that has made no token request for so long is stuck, whatever the last answer was. */
const longestSilenceMillis = 60_000

interface Turn {
  readonly name: string
  readonly fault?: (random: number) => MemoryServers.Fault | undefined
  readonly tokenMillis?: number
  readonly revokes?: boolean
}

const calm: Turn = { name: "calm" }

const answers = (status: number, body: unknown, headers: Record<string, string> = {}): MemoryServers.Fault => ({
  _tag: "Answers",
  status,
  body: typeof body === "string" ? body : JSON.stringify(body),
  headers
})

const turns: ReadonlyArray<Turn> = [
  { name: "refuses connections", fault: () => ({ _tag: "Refused" }) },
  { name: "hangs", fault: () => ({ _tag: "Hangs" }) },
  { name: "is slow", tokenMillis: 3_000 },
  { name: "503", fault: () => answers(503, "") },
  { name: "503, every other time", fault: (random) => random < 0.5 ? answers(503, "") : undefined },
  { name: "429 with Retry-After", fault: () => answers(429, { error: "slow_down" }, { "retry-after": "2" }) },
  { name: "a page with status 200", fault: () => answers(200, "<html>down for maintenance</html>") },
  { name: "an answer without a token", fault: () => answers(200, { token_type: "Bearer" }) },
  { name: "invalid_client", fault: () => answers(401, { error: "invalid_client" }) },
  { name: "revokes", revokes: true }
]

await answer(measurement, async ({ calls, seed }) => {
  const random = seeded(seed)
  const clock = VirtualClock.make({ start: Date.UTC(2027, 0, 1), tick: 10 })
  const now = () => clock.unsafeCurrentTimeMillis()
  const start = now()
  let turn: Turn = calm
  /** When the fault of this turn ends. */
  let faultUntil = 0
  let tokenRequests = 0
  let lastFault: { readonly name: string; readonly at: number } | undefined
  const isFaulty = () => now() < faultUntil
  const servers = MemoryServers.make({
    now,
    tokenLifetimeMillis,
    fault: () => {
      const fault = isFaulty() ? turn.fault?.(random()) : undefined
      lastFault = fault === undefined ? undefined : { name: turn.name, at: now() }
      return fault
    },
    tokenMillis: () => isFaulty() ? turn.tokenMillis ?? 0 : 0,
    onTokenRequest: () => tokenRequests++
  })

  const layer = OAuthHttpClient.layer.pipe(
    Layer.provideMerge(Layer.scoped(OAuthProvider.OAuthProvider, Effect.head(Fleet.make(servers.client, 1)))),
    Layer.provide(Layer.succeed(HttpClient.HttpClient, servers.client)),
    Layer.provide(clock.layer)
  )
  const lifetime = ManagedRuntime.make(Layer.merge(layer, clock.layer))
  const runtime = await lifetime.runtime()
  const client = Context.get(runtime.context, HttpClient.HttpClient)
  const provider = Context.get(runtime.context, OAuthProvider.OAuthProvider)

  let started = 0
  let served = 0
  let interrupted = 0
  let explained = 0
  let unexplained = 0
  const examples: Array<string> = []

  /** A failure is explained if no token is valid and the last answer of the authorization server was a fault. */
  const settleFailure = (what: string): void => {
    if (!servers.isAnyTokenValid() && lastFault !== undefined && now() - lastFault.at < longestSilenceMillis) {
      explained++
      return
    }
    unexplained++
    if (examples.length < mostExamples) {
      examples.push(
        `at ${(now() - start) / 1000} s, ${turn.name} (before: ${lastFault?.name ?? "nothing"}): ${what}`
      )
    }
  }

  /** The calls to a provider that a transport without `OAuthHttpClient` makes. */
  const withProvider = Effect.flatMap(provider.accessToken, (token) =>
    servers.admits(AccessToken.authorization(token))
      ? Effect.succeed(200)
      : Effect.map(provider.renew(token), (next) => servers.admits(AccessToken.authorization(next)) ? 200 : 401))
  const withHttpClient = Effect.map(client.get(provider.resource), ({ status }) => status)

  const send: Effect.Effect<number, unknown> = Effect.suspend(() =>
    random() < shareOfHttpClient ? withHttpClient : Effect.mapError(withProvider, (error): unknown => error)
  )
  const call = Effect.matchCause(send, {
    onSuccess: (status) => {
      if (status === 200) served++
      else settleFailure(`status ${status}`)
    },
    onFailure: (cause) => {
      if (Cause.isInterruptedOnly(cause)) return
      const failure = Option.getOrUndefined(Cause.failureOption(cause))
      settleFailure(failure instanceof Error ? `${failure.message} ${String(failure.cause)}` : Cause.pretty(cause))
    }
  })

  const impatient = (millis: number) =>
    Effect.map(Effect.timeoutOption(call, millis), (done) => {
      if (Option.isNone(done)) interrupted++
    })

  const heap: Array<readonly [number, number]> = []
  const cpu = process.cpuUsage()
  const nextTurn = (): void => {
    const others = turns.filter((other) => other !== turn)
    turn = others[Math.floor(random() * others.length)] ?? turn
    faultUntil = now() + (random() < shareOfWholeTurns ? turnMillis : random() * turnMillis / 2)
    if (turn.revokes === true) servers.revokeAll()
  }
  let turnsTaken = 0
  // A stack trace for each failure would cost more than the call.
  Error.stackTraceLimit = 0
  for (; started < calls; turnsTaken++) {
    nextTurn()
    for (let at = 0; at < turnMillis && started < calls; at += tickMillis) {
      for (let i = 0; i < callsPerTick && started < calls; i++, started++) {
        Runtime.runFork(runtime)(random() < shareInterrupted ? impatient(10 + random() * 500) : call)
      }
      await clock.advance(tickMillis)
    }
    if (started >= (heap.length + 1) * calls / samples) heap.push([started, heapUsed() / 1024])
  }
  turn = calm
  // The longest time that a call may wait: two requests with their time limits.
  await clock.advance(60_000)
  const cpuSeconds = cpuMicros(cpu) / 1e6
  const unanswered = started - served - interrupted - explained - unexplained
  const closed = await Runtime.runPromiseExit(runtime)(lifetime.disposeEffect)
  if (Exit.isFailure(closed)) throw new Error(Cause.pretty(closed.cause))
  return {
    calls: started,
    turns: turnsTaken,
    served,
    explained,
    unexplained: unexplained + unanswered,
    examples: unanswered === 0 ? examples : [...examples, `${unanswered} calls were never answered`],
    interrupted,
    tokenRequests,
    virtualHours: (now() - start) / 3_600_000,
    cpuSeconds,
    heap
  }
})
