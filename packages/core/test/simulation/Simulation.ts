/** Runs a schedule: the real provider and its clients, in a world that the schedule changes. */
import { VirtualClock } from "@effect-mcp-auth/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  ClientAuthentication,
  Grant,
  OAuthError,
  OAuthFetch,
  OAuthHttpClient,
  OAuthProvider,
  TokenStorage
} from "../../src/index.ts"
import type { Call, Outcome } from "./Facts.ts"
import { Model } from "./Model.ts"
import * as Schedule from "./Schedule.ts"
import { SeededRandom } from "../support/random.ts"
import { Census, makeRuntime, VirtualScheduler } from "../support/runtime.ts"
import { authorizationServerMetadata, causeOf, issuer, serverUrl, World } from "./World.ts"

type Service = OAuthProvider.OAuthProvider.Service

/** Lets a test plant a fault between the library and the simulation. */
export interface Options {
  readonly provider?: (provider: Service) => Service
  readonly client?: (client: HttpClient.HttpClient) => HttpClient.HttpClient
}

export interface Report {
  readonly schedule: Schedule.Schedule
  /** How many calls were made. */
  readonly calls: number
  readonly trace: ReadonlyArray<string>
  readonly violations: Model["violations"]
}

/** The longest call: its own limit, all time limits of an acquisition twice, and the server's answers. In milliseconds. */
const LONGEST_CALL = 600_000
/** A provider that is closed ends within a second, but stores the token that it has just acquired for up to 5 seconds. */
const AFTERWARDS = 6000

interface Caller {
  readonly id: number
  readonly over: boolean
  readonly interrupt: () => void
}

export const run = async (schedule: Schedule.Schedule, options: Options = {}): Promise<Report> => {
  const { providers, seed, steps } = schedule
  const clock = VirtualClock.make()
  const scheduler = new VirtualScheduler(
    schedule.maxOps,
    schedule.anyOrder ? new SeededRandom(seed, 0xf1be7) : undefined
  )
  const census = new Census()
  const model = new Model(clock, providers, !schedule.discovery)
  const world = new World(clock, model, schedule.discovery)
  const runtime = makeRuntime({ clock: clock.clock, scheduler, seed: `simulation ${seed}`, census })
  const fork = <A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> => Runtime.runFork(runtime)(effect)

  /**
   * Runs all that can run without time passing. The promises of `fetch` go on when this one waits for the event loop,
   * and those for which callers wait go on before this one.
   */
  const settle = async (): Promise<void> => {
    do {
      scheduler.drain()
      await (schedule.caller === "fetch" ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve())
    } while (scheduler.pending > 0)
  }

  const wait = async (millis: number): Promise<void> => {
    const until = clock.elapsed + millis
    while (clock.fireNext(until)) await settle()
    clock.passTo(until)
  }

  const now = async <A, E>(effect: Effect.Effect<A, E>): Promise<A> => {
    const fiber = fork(effect)
    await settle()
    return resultOf(fiber)
  }

  // ---- the providers and their callers ---------------------------------------------------------------------------------

  const storage = world.storage(await now(TokenStorage.makeMemory))
  const open = async (index: number) => {
    const scope = await now(Scope.make())
    const plain = (options.client ?? ((client) => client))(world.client(index))
    const made = await now(
      OAuthProvider.make({
        serverUrl,
        issuer,
        grant: Grant.clientCredentials,
        clientAuthentication: ClientAuthentication.clientSecretBasic({
          clientId: "simulation",
          clientSecret: Redacted.make("secret-of-the-simulation")
        }),
        scopes: ["mcp"],
        stepUp: "any",
        ...(schedule.discovery ? {} : { authorizationServerMetadata })
      }).pipe(
        Effect.provideService(HttpClient.HttpClient, plain),
        Effect.provideService(TokenStorage.TokenStorage, storage),
        Scope.extend(scope)
      )
    )
    const provider = (options.provider ?? ((provider) => provider))(made)
    fork(Stream.runDrain(provider.events))
    const client = OAuthHttpClient.authenticate(plain, provider)
    const fetch = OAuthFetch.authenticate(fetchOf(world, fork), provider, runtime)
    return {
      send: (call: Call, wanted: string | undefined): Effect.Effect<number, unknown> =>
        schedule.caller === "fetch" ? byFetch(fetch, call, wanted) : byClient(client, call, wanted),
      close: () => {
        model.closed(index)
        fork(Scope.close(scope, Exit.void))
      }
    }
  }
  const opened: Array<Awaited<ReturnType<typeof open>>> = []
  for (let index = 0; index < providers; index++) opened.push(await open(index))

  const callers = new Map<number, Caller>()
  const call = (step: Schedule.Calls, wait: number): void => {
    const id = callers.size
    let call: Call | undefined
    const send = Effect.suspend(() => {
      call = model.called(id, step.provider, step.body)
      world.calls.set(id, call)
      return opened[step.provider]?.send(call, step.scope) ?? Effect.never
    })
    const limited = step.limit === undefined ? Effect.asSome(send) : Effect.timeoutOption(send, step.limit)
    const fiber = fork(wait === 0 ? limited : Effect.delay(limited, wait))
    let interrupted = false
    const interrupt = () => {
      interrupted = true
      fiber.unsafeInterruptAsFork(fiber.id())
    }
    callers.set(id, { id, over: false, interrupt })
    fiber.addObserver((exit) => {
      if (call !== undefined) model.ended(call, outcomeOf(exit, interrupted))
      callers.set(id, { id, over: true, interrupt: () => {} })
    })
  }

  const take = async (step: Schedule.Step): Promise<void> => {
    if (step._tag !== "Calls") model.note(JSON.stringify(step))
    switch (step._tag) {
      case "Metadata":
      case "Revoke":
      case "Scopes":
      case "Server":
      case "Storage":
      case "TokenEndpoint":
      case "Tokens":
        return world.take(step)
      case "Calls":
        for (let i = 0; i < step.count; i++) call(step, i * step.every)
        return
      case "Interrupt":
        for (const { id, interrupt } of callers.values()) {
          if ((id * 37 + step.salt) % 100 < step.percent) interrupt()
        }
        return
      case "Suspend":
        clock.suspend(step.millis)
        return model.clockChanged()
      case "SetClock":
        clock.set(step.millis)
        return model.clockChanged()
      case "Wait":
        return wait(step.millis)
      case "Close":
        return opened[step.provider]?.close()
    }
  }

  try {
    for (const step of steps) {
      await take(step)
      await settle()
    }
    const until = clock.elapsed + LONGEST_CALL
    while ([...callers.values()].some(({ over }) => !over) && clock.fireNext(until)) await settle()
    for (const call of world.calls.values()) if (!call.over) model.violate("call never ended", `call ${call.id}`)
    for (const { close } of opened) close()
    await settle()
    await wait(AFTERWARDS)
    if (census.alive > 0 || clock.pending > 0) {
      model.violate("fiber left behind", `${census.alive} fibers, ${clock.pending} timers`)
    }
  } catch (error) {
    model.violate("call never ended", String(error))
  }
  return { schedule, calls: world.calls.size, trace: model.trace, violations: model.violations }
}

const resultOf = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): A => {
  const exit = fiber.unsafePoll()
  if (exit === null) throw new Error("an effect that should take no time has not ended")
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
  return exit.value
}

// ---- calls -------------------------------------------------------------------------------------------------------------

const headersOf = (call: Call, wanted: string | undefined): Record<string, string> => ({
  "x-call": String(call.id),
  ...(wanted === undefined ? {} : { "x-scope": wanted })
})

const byClient = (client: HttpClient.HttpClient, call: Call, wanted: string | undefined) => {
  const request = HttpClientRequest.post(serverUrl, { headers: headersOf(call, wanted) })
  return Effect.map(
    client.execute(
      call.body === "stream"
        ? HttpClientRequest.bodyStream(request, Stream.empty)
        : HttpClientRequest.bodyText(request, "{}")
    ),
    ({ status }) => status
  )
}

const byFetch = (fetch: typeof globalThis.fetch, call: Call, wanted: string | undefined) =>
  Effect.tryPromise({
    try: (signal) => {
      const body = call.body === "stream" ? new ReadableStream() : "{}"
      return fetch(serverUrl, { method: "POST", headers: headersOf(call, wanted), body, signal })
    },
    catch: (error) => error
  }).pipe(Effect.map(({ status }) => status))

/** A `fetch` of the world. It knows no other address than that of the resource. */
const fetchOf = (
  world: World,
  fork: <A>(effect: Effect.Effect<A>) => Fiber.RuntimeFiber<A>
): typeof globalThis.fetch =>
(_, init) =>
  new Promise((resolve, reject) => {
    const headers = new Headers(init?.headers)
    const reply = world.resource(
      Number(headers.get("x-call")),
      headers.get("authorization") ?? "",
      headers.get("x-scope") ?? undefined
    )
    const fiber = fork(reply)
    init?.signal?.addEventListener("abort", () => fiber.unsafeInterruptAsFork(fiber.id()))
    fiber.addObserver((exit) => {
      if (Exit.isSuccess(exit)) resolve(new Response(null, { status: exit.value.status, headers: exit.value.headers }))
      else reject(init?.signal?.reason)
    })
  })

const outcomeOf = (exit: Exit.Exit<Option.Option<number>, unknown>, interrupted: boolean): Outcome => {
  if (Exit.isSuccess(exit)) {
    return Option.isSome(exit.value) ? { _tag: "Answered", status: exit.value.value } : { _tag: "GivenUp" }
  }
  const { cause } = exit
  if (interrupted && Cause.isInterruptedOnly(cause)) return { _tag: "GivenUp" }
  const failure = Option.getOrElse(Cause.failureOption(cause), () => Cause.squash(cause))
  const error = HttpClientError.isHttpClientError(failure) ? failure.cause : failure
  if (error instanceof OAuthError.TokenEndpointError) {
    const { code, message, status } = error
    return { _tag: "Failed", cause: causeOf(status, code), message }
  }
  if (error instanceof OAuthError.DiscoveryError) {
    return { _tag: "Failed", cause: "discovery", message: error.message }
  }
  const message = String(failure)
  return message.includes("This OAuthProvider is closed") ? { _tag: "Closed" } : { _tag: "Died", message }
}

// ---- reports of violations ---------------------------------------------------------------------------------------------

/** How many lines of a trace a report shows. */
const SHOWN = 80

/** Runs the schedule without the steps that the first violation does not need. */
const cut = async ({ schedule, violations: [first] }: Report, options: Options): Promise<Report | undefined> => {
  let shortest: Report | undefined
  let { steps } = schedule
  for (let index = steps.length - 1; index >= 0; index--) {
    const fewer = steps.filter((_, at) => at !== index)
    const report = await run({ ...schedule, steps: fewer }, options)
    if (!report.violations.some(({ rule }) => rule === first?.rule)) continue
    shortest = report
    steps = fewer
  }
  return shortest
}

/** Which rule was broken, by which steps, and how to run them again. */
export const explain = async (report: Report, options: Options = {}): Promise<string> => {
  const { schedule, trace, violations } = await cut(report, options) ?? report
  const [first] = violations
  return [
    `seed ${schedule.seed} breaks a rule: ${first?.rule}: ${first?.detail}`,
    `Replay it: SIMULATION_SEED=${schedule.seed} pnpm vitest run --project core simulation`,
    "",
    "The steps that are needed:",
    Schedule.print(schedule),
    "",
    "What happened (milliseconds, event):",
    ...trace.slice(-SHOWN)
  ].join("\n")
}
