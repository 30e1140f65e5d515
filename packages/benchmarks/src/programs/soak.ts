/**
 * A million calls with faults: in each turn of ten seconds the authorization server or the MCP server has another fault,
 * drawn at random, from no answer at all to an answer that makes no sense. Two clients make the calls, one with a pinned
 * issuer and one that discovers it. In virtual time and without a network. Each failed call must be explained by a
 * fault that this client may fail from.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { AccessToken, OAuthHttpClient, OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
import { VirtualClock } from "@effect-mcp-auth/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import { credentials } from "../control.ts"
import { answer, cpuMicros, heapUsed, soak as measurement } from "../measurements.ts"
import * as MemoryServers from "../memoryServers.ts"
import { calm, type Kind, type Turn, turns } from "../soakTurns.ts"
import { type Random, seeded } from "../statistics.ts"

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
const mostExamples = 20
const samples = 20
/** A client that has made no token request for so long is stuck, whatever the last answer was. */
const longestSilenceMillis = 60_000
/** A restarted client is closed after this time. No call waits for longer. */
const retirementMillis = 120_000

/** The turn, and the rest of its fault. */
class Weather {
  turn: Turn = calm
  faultUntil = 0
  #left: Array<Turn> = []
  readonly now: () => number
  readonly random: Random

  constructor(now: () => number, random: Random) {
    this.now = now
    this.random = random
  }

  get isFaulty(): boolean {
    return this.now() < this.faultUntil
  }

  /** Takes each turn once, in an order that is drawn at random, before any turn comes again. */
  next(): void {
    if (this.#left.length === 0) this.#left = [...turns]
    const [next] = this.#left.splice(Math.floor(this.random() * this.#left.length), 1)
    this.turn = next ?? calm
    const whole = this.random() < shareOfWholeTurns
    this.faultUntil = this.now() + (whole ? turnMillis : this.random() * turnMillis / 2)
  }

  end(): void {
    this.turn = calm
    this.faultUntil = 0
  }
}

/** The outcomes of the calls. */
class Tally {
  started = 0
  served = 0
  interrupted = 0
  explained = 0
  unexplained = 0
  tokenRequests = 0
  /** The first unexplained failure of each turn and client, and how many there were. */
  readonly #examples = new Map<string, { readonly first: string; count: number }>()

  fails(turn: string, description: string): void {
    this.unexplained++
    const example = this.#examples.get(turn)
    if (example !== undefined) example.count++
    else if (this.#examples.size < mostExamples) this.#examples.set(turn, { first: description, count: 1 })
  }

  get examples(): ReadonlyArray<string> {
    return Array.from(this.#examples, ([turn, { count, first }]) => `${turn}: ${count}, the first ${first}`)
  }
}

/** One client, its servers and the last fault that it may fail from. */
const makeSubject = async (kind: Kind, clock: VirtualClock.VirtualClock, weather: Weather, tally: Tally) => {
  const { now, random } = weather
  let lastFault: { readonly name: string; readonly at: number } | undefined
  let turnOfRequests = weather.turn
  let tokenRequests = 0

  const fault = (
    address: MemoryServers.Address,
    request: Parameters<NonNullable<MemoryServers.Options["fault"]>>[1]
  ) => {
    if (turnOfRequests !== weather.turn) [turnOfRequests, tokenRequests] = [weather.turn, 0]
    if (address === "token") tokenRequests++
    const { mayFail, name } = weather.turn
    const fault = weather.isFaulty
      ? weather.turn.fault?.({ address, request, random: random(), tokenRequests })
      : undefined
    if (fault !== undefined && mayFail.includes(kind)) lastFault = { name, at: now() }
    // A client that gets a token has recovered from the faults before it.
    else if (address === "token" && (fault === undefined || fault._tag === "Issues")) lastFault = undefined
    return fault
  }

  const servers = MemoryServers.make({
    now,
    tokenLifetimeMillis,
    fault,
    tokenMillis: () => weather.isFaulty ? weather.turn.tokenMillis ?? 0 : 0,
    rejection: () => weather.turn.rejection,
    onTokenRequest: () => tally.tokenRequests++
  })
  const lifetime = ManagedRuntime.make(live(kind, servers.client).pipe(Layer.provideMerge(clock.layer)))
  const runtime = await lifetime.runPromise(
    Effect.runtime<HttpClient.HttpClient | OAuthProvider.OAuthProvider>()
  )
  return {
    kind,
    servers,
    runtime,
    client: Context.get(runtime.context, HttpClient.HttpClient),
    provider: Context.get(runtime.context, OAuthProvider.OAuthProvider),
    close: () => Runtime.runPromiseExit(runtime)(lifetime.disposeEffect),
    lastFault: () => lastFault
  }
}

type Subject = Awaited<ReturnType<typeof makeSubject>>

/** Formats each line of the log as a program in production does, and prints none. */
const Silent = Logger.replace(Logger.defaultLogger, Logger.map(Logger.stringLogger, () => undefined))

const live = (kind: Kind, client: HttpClient.HttpClient) =>
  OAuthHttpClient.layer.pipe(
    Layer.provideMerge(ClientSecret.layer({
      serverUrl: `${MemoryServers.resourceOrigin}/tenants/0/mcp`,
      issuer: kind === "pinned" ? MemoryServers.issuer : "discover",
      clientId: credentials.clientId,
      clientSecret: Redacted.make(credentials.clientSecret),
      scopes: kind === "pinned" ? [credentials.scope] : undefined
    })),
    Layer.provide([Layer.succeed(HttpClient.HttpClient, client), TokenStorage.layerMemory]),
    Layer.provideMerge(Silent)
  )

/** One call of a subject, and the tally of its outcome. */
const makeCall = (
  { client, kind, lastFault, provider, servers }: Subject,
  weather: Weather,
  tally: Tally,
  start: number
) => {
  const { now, random } = weather

  /** A failure is explained if no token is valid and the last answer was a fault that this client may fail from. */
  const settleFailure = (what: string): void => {
    const fault = lastFault()
    if (!servers.isAnyTokenValid() && fault !== undefined && now() - fault.at < longestSilenceMillis) {
      tally.explained++
      return
    }
    const seconds = (now() - start) / 1000
    tally.fails(`${kind}, ${weather.turn.name}`, `at ${seconds} s (fault before: ${fault?.name ?? "none"}): ${what}`)
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
      if (status === 200) tally.served++
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
      if (Option.isNone(done)) tally.interrupted++
    })
  return () => random() < shareInterrupted ? impatient(10 + random() * 500) : call
}

await answer(measurement, async ({ calls, seed }) => {
  const random = seeded(seed)
  const clock = VirtualClock.make({ start: Date.UTC(2027, 0, 1), tick: 10 })
  const weather = new Weather(() => clock.machineTime, random)
  const start = weather.now()
  const tally = new Tally()

  const begin = () =>
    Promise.all((["pinned", "discovers"] as const).map(async (kind) => {
      const subject = await makeSubject(kind, clock, weather, tally)
      return { subject, call: makeCall(subject, weather, tally, start) }
    }))
  let subjects = await begin()
  const retired: Array<{ readonly subject: Subject; readonly at: number }> = []
  const close = async ({ close }: Subject): Promise<void> => {
    const closed = await close()
    if (Exit.isFailure(closed)) throw new Error(Cause.pretty(closed.cause))
  }
  const restart = async (): Promise<void> => {
    retired.push(...subjects.map(({ subject }) => ({ subject, at: weather.now() })))
    subjects = await begin()
    await closeRetired(retirementMillis)
  }
  const closeRetired = async (millis: number): Promise<void> => {
    for (let next = retired[0]; next !== undefined && weather.now() - next.at > millis; next = retired[0]) {
      await close(next.subject)
      retired.shift()
    }
  }

  const heap: Array<readonly [number, number]> = []
  const cpu = process.cpuUsage()
  // A stack trace for each failure would cost more than the call.
  Error.stackTraceLimit = 0
  let turnsTaken = 0
  for (; tally.started < calls; turnsTaken++) {
    weather.next()
    if (weather.turn.restarts === true) await restart()
    for (let at = 0; at < turnMillis && tally.started < calls; at += tickMillis) {
      const { revokesEvery } = weather.turn
      if (revokesEvery !== undefined && (at === 0 || at % revokesEvery === 0)) {
        for (const { subject } of subjects) subject.servers.revokeAll()
      }
      for (let i = 0; i < callsPerTick && tally.started < calls; i++, tally.started++) {
        const chosen = subjects[tally.started % subjects.length]
        if (chosen !== undefined) Runtime.runFork(chosen.subject.runtime)(chosen.call())
      }
      await clock.advance(tickMillis)
    }
    if (tally.started >= (heap.length + 1) * calls / samples) {
      // Callers that wait in an outage, and clients that are about to be closed, would be most of the difference.
      weather.end()
      await clock.advance(retirementMillis)
      await closeRetired(0)
      heap.push([tally.started, heapUsed() / 1024])
    }
  }
  weather.end()
  await clock.advance(retirementMillis)
  const cpuSeconds = cpuMicros(cpu) / 1e6
  const { examples, explained, interrupted, served, started, tokenRequests, unexplained } = tally
  const unanswered = started - served - interrupted - explained - unexplained
  for (const { subject } of [...retired, ...subjects]) await close(subject)
  return {
    calls: started,
    turns: turnsTaken,
    served,
    explained,
    unexplained: unexplained + unanswered,
    examples: unanswered === 0 ? examples : [...examples, `${unanswered} calls were never answered`],
    interrupted,
    tokenRequests,
    virtualHours: (weather.now() - start) / 3_600_000,
    cpuSeconds,
    heap
  }
})
