/**
 * `pnpm demo:fleet`: four processes of 250 callers each against one authorization server whose tokens expire after a
 * few seconds, with the storage of your choice. The program counts what the storage saves. With `--kill` it kills each
 * process that renews a token in the middle of the renewal, and measures how the other processes take over.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { randomBytes } from "node:crypto"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { runMain } from "../runMain.ts"
import * as AuthorizationServer from "../servers/AuthorizationServer.ts"
import * as Options from "./Options.ts"
import * as Processes from "./Processes.ts"
import { Renewals } from "./Renewals.ts"
import * as Resource from "./Resource.ts"
import * as Storage from "./Storage.ts"
import * as Summary from "./Summary.ts"

const processes = 4
const fibers = 250

/** Time between two calls of a fiber, in milliseconds. */
const pause = 3000

/**
 * The duration of a lease, in milliseconds. It is short with `--kill`, so that leases expire during the run; a process
 * that pauses longer loses its lease.
 */
const leaseDurationOf = (kill: boolean) => kill ? 2000 : 10_000

/** The lifetime of an access token, in seconds. */
const accessTokenLifetime = 8

/** Time that the authorization server takes to answer, in milliseconds. */
const latency = 100

class FleetFailed extends Data.TaggedError("FleetFailed")<{ readonly message: string }> {}

/** Starts the servers and the processes. No process is killed before `allowKills` is called. */
const start = Effect.fnUntraced(function*({ kill, storage }: Options.Options) {
  const renewals = new Renewals(accessTokenLifetime * 1000)
  let killsAllowed = false
  const authorizationServer = yield* AuthorizationServer.make({
    accessTokenLifetime,
    latency,
    onRequest: async ({ headers, socket, url }) => {
      const name = headers["user-agent"]
      if (url !== "/token" || name === undefined) return
      const renewal = renewals.arrived(storage === "memory" ? name : "the fleet", performance.now())
      if (!kill || !killsAllowed || renewal.requests > 1) return
      await workers.kill(name)
      renewal.killedAt = performance.now()
      socket.destroy()
    }
  })
  const resource = yield* Resource.make(authorizationServer)
  yield* authorizationServer.register({ identifier: resource.url, scopes: [Resource.scope] })
  const [{ clientId, clientSecret }] = authorizationServer.clients
  const workers = yield* Processes.make(processes, {
    fibers,
    pause,
    leaseDuration: leaseDurationOf(kill),
    serverUrl: resource.url,
    issuer: authorizationServer.issuer,
    clientId,
    clientSecret: Redacted.value(clientSecret),
    encryptionKey: randomBytes(32).toString("base64url"),
    storage: yield* Storage.open(storage)
  })
  return {
    renewals,
    workers,
    allowKills: () => {
      killsAllowed = true
    }
  }
})

/** On a busy machine the processes start more slowly than a token expires, and only a started process takes over. */
const untilAllHaveTokens = ({ counts, crashed }: Processes.Processes) =>
  Effect.sleep("100 millis").pipe(
    Effect.repeat({ until: () => crashed() > 0 || counts().every(({ loaded, obtained }) => obtained + loaded > 0) }),
    Effect.timeoutOption("1 minute")
  )

/** Prints over the last line on a terminal. Elsewhere, as in a log, prints a line each time. */
const show = (line: string): void => {
  if (process.stdout.isTTY) process.stdout.write(`\r\u001b[K${line.slice(0, process.stdout.columns - 1)}`)
  else console.log(line)
}

const fleet = Effect.fnUntraced(function*(options: Options.Options) {
  const { kill, seconds, storage } = options
  console.log(
    `${processes} processes of ${fibers} callers, tokens of ${accessTokenLifetime} s, storage: ${storage}` +
      `${kill ? ", and each process that renews is killed" : ""}\n`
  )
  const { allowKills, renewals, workers } = yield* start(options)
  yield* untilAllHaveTokens(workers)
  allowKills()

  const delay = monitorEventLoopDelay()
  delay.enable()
  const soFar = (): Summary.Run => ({
    shares: storage !== "memory",
    kill,
    processes,
    duration: seconds * 1000,
    accessTokenLifetime: accessTokenLifetime * 1000,
    leaseDuration: leaseDurationOf(kill),
    counts: workers.counts(),
    crashed: workers.crashed(),
    renewals: renewals.all,
    now: performance.now(),
    stall: delay.max / 1e6
  })
  for (let second = 1; second <= seconds && workers.crashed() === 0; second++) {
    yield* Effect.sleep("1 second")
    show(`${String(second).padStart(4)} s ${Summary.line(soFar())}`)
  }
  const run = soFar()
  console.log(`${process.stdout.isTTY ? "\n" : ""}\n${Summary.table(run)}\n`)
  const problems = Summary.problems(run)
  if (problems.length > 0) {
    yield* new FleetFailed({ message: `The fleet failed: ${problems.join("; ")}.` })
  }
}, Effect.scoped)

runMain(
  Effect.flatMap(
    Options.read,
    (options) => options === undefined ? Effect.sync(() => console.log(Options.usage)) : fleet(options)
  )
)
