/**
 * `pnpm demo:fleet`: four processes of 250 callers each against one authorization server whose tokens live a few seconds,
 * with the storage that is chosen. It counts what the storage saves, and with `--kill` what becomes of the others when
 * the process that renews is killed while it does.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { type ChildProcess, fork, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import * as AuthorizationServer from "./AuthorizationServer.ts"
import * as FleetResource from "./FleetResource.ts"
import { type Counts, Report, type Settings } from "./fleetMessages.ts"
import { runMain } from "./runMain.ts"

const usage = `Usage: pnpm demo:fleet [options]

  --storage <which>    redis (default; $REDIS_URL, or else a redis-server that is started for it), file, or memory
  --kill               kill the process that renews, each time while it does, and start another in its place
  --seconds <number>   how long it takes; default: 30
  --help
`

const processes = 4
const fibers = 250

/** Milliseconds between two calls of a fiber. */
const pause = 3000

/** Milliseconds. A killed process holds the others up for no longer than this. */
const leaseDuration = 1000

/** Seconds. */
const accessTokenLifetime = 6

/** Milliseconds that the authorization server takes to answer: time enough to be killed in. */
const latency = 100

class FleetFailed extends Data.TaggedError("FleetFailed")<{ readonly message: string }> {}

interface Choice {
  readonly storage: "redis" | "file" | "memory"
  readonly kill: boolean
  readonly seconds: number
}

const readChoice: Effect.Effect<Choice | undefined, FleetFailed> = Effect.try({
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
    const storage = (["redis", "file", "memory"] as const).find((name) => name === values.storage)
    const seconds = Number(values.seconds)
    if (storage === undefined) throw new Error(`--storage must be redis, file or memory, not "${values.storage}"`)
    if (!(seconds >= 10 && seconds <= 3600)) throw new Error("--seconds must be a number from 10 to 3600")
    return { storage, kill: values.kill, seconds }
  },
  catch: (error) =>
    new FleetFailed({ message: `${error instanceof Error ? error.message : String(error)}\n\n${usage}` })
})

// --- the storage ----------------------------------------------------------------------------------------------------

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "demo-fleet-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const freePort = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
})

/** A `redis-server` with nothing in it, for as long as the scope lasts. */
const redisServer = Effect.gen(function*() {
  const path = yield* directory
  const port = yield* freePort
  const place = ["--port", String(port), "--bind", "127.0.0.1", "--dir", path]
  yield* Effect.acquireRelease(
    Effect.async<ChildProcess, FleetFailed>((resume) => {
      const child = spawn("redis-server", [...place, "--save", "", "--appendonly", "no"], {
        stdio: ["ignore", "pipe", "ignore"]
      })
      const missing = "There is no redis-server here. Install it, set REDIS_URL, or take --storage file."
      child.once("error", () => resume(new FleetFailed({ message: missing })))
      child.once("exit", () => resume(new FleetFailed({ message: "redis-server did not start." })))
      child.stdout.on("data", (chunk) => {
        if (String(chunk).includes("Ready to accept connections")) resume(Effect.succeed(child))
      })
    }),
    (child) => Effect.sync(() => void child.kill())
  )
  return `redis://127.0.0.1:${port}`
})

const open = (storage: Choice["storage"]) =>
  Effect.gen(function*() {
    switch (storage) {
      case "memory":
        return { _tag: "memory" } as const
      case "file":
        return { _tag: "file", directory: join(yield* directory, "tokens") } as const
      case "redis":
        return { _tag: "redis", url: process.env["REDIS_URL"] ?? (yield* redisServer) } as const
    }
  })

// --- the processes --------------------------------------------------------------------------------------------------

interface Worker {
  readonly child: ChildProcess
  counts: Counts
}

const none: Counts = {
  _tag: "counts",
  calls: 0,
  failed: 0,
  failure: "",
  slowest: 0,
  obtained: 0,
  loaded: 0,
  storageFailures: 0
}

/** The processes, and what those that are dead had counted. */
const makeFleet = (settings: Omit<Settings, "name">, kill: boolean) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const workers = new Set<Worker>()
      const dead: Array<Counts> = []
      let started = 0
      let killed = 0
      let spared = true
      let closed = false
      const start = () => {
        const name = `worker ${++started}`
        const child = fork(new URL("fleetWorker.ts", import.meta.url), [JSON.stringify({ ...settings, name })], {
          execArgv: []
        })
        const worker: Worker = { child, counts: none }
        workers.add(worker)
        child.on("message", (message) => {
          const report = Schema.decodeUnknownSync(Report)(message)
          if (report._tag === "counts") worker.counts = report
          else if (kill) {
            // One is killed for each renewal; whoever makes it in its place is left alone.
            spared = !spared
            if (spared) return
            setTimeout(() => {
              killed++
              child.kill("SIGKILL")
            }, latency / 2)
          }
        })
        child.once("exit", () => {
          workers.delete(worker)
          dead.push(worker.counts)
          if (!closed) start()
        })
      }
      for (let index = 0; index < processes; index++) start()
      return {
        killed: () => killed,
        counts: () => [...dead, ...[...workers].map(({ counts }) => counts)],
        close: () => {
          closed = true
          for (const { child } of workers) child.kill("SIGKILL")
        }
      }
    }),
    ({ close }) => Effect.sync(close)
  )

const sum = (counts: ReadonlyArray<Counts>, of: Exclude<keyof Counts, "_tag" | "failure">): number =>
  counts.reduce((total, one) => total + one[of], 0)

// --- the program ----------------------------------------------------------------------------------------------------

const fleet = ({ kill, seconds, storage }: Choice) =>
  Effect.gen(function*() {
    const authorizationServer = yield* AuthorizationServer.make({ accessTokenLifetime, latency })
    const resource = yield* FleetResource.make(authorizationServer)
    yield* authorizationServer.register({ identifier: resource.url, scopes: [FleetResource.scope] })
    const [{ clientId, clientSecret }] = authorizationServer.clients
    const requests = () => authorizationServer.requests("POST /token")

    console.log(
      `${processes} processes of ${fibers} callers, tokens of ${accessTokenLifetime} s, storage: ${storage}` +
        `${kill ? ", and whoever renews is killed" : ""}\n`
    )
    const fleet = yield* makeFleet({
      fibers,
      pause,
      leaseDuration,
      serverUrl: resource.url,
      issuer: authorizationServer.issuer,
      clientId,
      clientSecret: Redacted.value(clientSecret),
      encryptionKey: randomBytes(32).toString("base64url"),
      storage: yield* open(storage)
    }, kill)

    const line = () => {
      const counts = fleet.counts()
      return `${String(sum(counts, "calls")).padStart(6)} calls, ${sum(counts, "failed")} failed; ` +
        `${requests()} token requests, ${sum(counts, "loaded")} tokens read from others` +
        (kill ? `; ${fleet.killed()} killed` : "")
    }
    for (let second = 1; second <= seconds; second++) {
      yield* Effect.sleep("1 second")
      console.log(`${String(second).padStart(4)} s ${line()}`)
    }
    const counts = fleet.counts()
    fleet.close()

    const made = requests()
    // What every process took into use, it asked for or read: so many there would have been without sharing.
    const taken = sum(counts, "obtained") + sum(counts, "loaded")
    const tokens = sum(counts, "obtained")
    console.log(`
  calls                      ${sum(counts, "calls")}
  calls that failed          ${sum(counts, "failed")}
  the slowest call           ${Math.round(Math.max(...counts.map(({ slowest }) => slowest)))} ms
  tokens issued and used     ${tokens}
  token requests             ${made}
  without sharing            ${taken}
  failures of the storage    ${sum(counts, "storageFailures")}
  processes killed           ${fleet.killed()}
`)
    const most = Math.max(...counts.map(({ loaded, obtained }) => loaded + obtained))
    const broken: Array<string> = []
    if (sum(counts, "calls") === 0) broken.push("nobody was served")
    if (sum(counts, "failed") > 0) {
      broken.push(`calls failed, the last with: ${counts.map(({ failure }) => failure).find((text) => text !== "")}`)
    }
    if (storage !== "memory" && !kill && made > most) {
      broken.push(`${made} token requests for ${most} tokens: more than one for each`)
    }
    if (storage !== "memory" && kill && made > tokens + fleet.killed()) {
      broken.push(`${made} token requests: more than one for each token and one for each killed process`)
    }
    if (broken.length > 0) {
      yield* new FleetFailed({ message: `The fleet did not do what it should: ${broken.join("; ")}.` })
    }
  }).pipe(Effect.scoped)

runMain(
  Effect.flatMap(readChoice, (choice) => choice === undefined ? Effect.sync(() => console.log(usage)) : fleet(choice))
)
