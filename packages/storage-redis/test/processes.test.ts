/**
 * Real processes over a real storage: the requests that they save, and what happens to the others when one is killed.
 *
 * `KILL_REPEATS=50 pnpm test --project storage-redis processes` repeats each kill and each stop 50 times.
 */
import * as PlatformFailure from "@effect-mcp-auth/core/authoring/PlatformFailure"
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Config, Effect, Option, type Scope } from "effect"
import { makeServers, type Servers, startWorker, type Worker } from "./support/fleet.ts"
import type { Settings } from "./support/protocol.ts"
import { describeRedis, make as makeRedis } from "./support/redisServer.ts"

const repeats = Effect.runSync(Config.withDefault(Config.integer("KILL_REPEATS"), 1))

/** How long the lease of a dead process lasts in these tests, in milliseconds. */
const SHORT = 300
const LONG = 60_000

/** A lease in the storage: its holder, and in how many milliseconds it expires without a renewal. */
interface Lease {
  readonly holder: string
  readonly endsIn: number
}

interface Fleet {
  readonly servers: Servers
  readonly start: (name: string, leaseDuration?: number) => Effect.Effect<Worker, never, Scope.Scope>
  /** `undefined` while no process holds the lease. */
  readonly lease: Effect.Effect<Lease | undefined>
}

const fleetOn = (
  storage: Settings["storage"],
  lease: Fleet["lease"]
): Effect.Effect<Fleet, never, Scope.Scope> =>
  Effect.map(makeServers, (servers) => ({
    servers,
    lease,
    start: (name, leaseDuration = SHORT) =>
      startWorker({ name, leaseDuration, storage, serverUrl: servers.serverUrl, issuer: servers.issuer })
  }))

const redisFleet = Effect.gen(function*() {
  const redis = yield* makeRedis()
  const lease = Effect.promise(async () => {
    const [key] = await redis.admin.keys("*:lease")
    if (key === undefined) return undefined
    const [endsIn, holder] = [await redis.admin.pttl(key), await redis.admin.get(key)]
    // -1 means that the key never expires.
    return holder === null ? undefined : { holder, endsIn: endsIn === -1 ? Infinity : endsIn }
  })
  return { redis, ...(yield* fleetOn({ _tag: "redis", url: redis.url }, lease)) }
})

const fileFleet = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = `${yield* Effect.orDie(fs.makeTempDirectoryScoped())}/tokens`
  const number = (file: string) => Number(file.split(".").at(-1))
  const lease = Effect.gen(function*() {
    const files = (yield* fs.readDirectory(directory, { recursive: true })).filter((file) => /lease\.\d+$/.test(file))
    const [latest] = files.toSorted((one, other) => number(other) - number(one))
    if (latest === undefined) return undefined
    const { mtime } = yield* fs.stat(`${directory}/${latest}`)
    const holder = yield* fs.readFileString(`${directory}/${latest}`)
    const until = Option.match(mtime, { onNone: () => 0, onSome: (date) => date.getTime() })
    return holder === "" ? undefined : { holder, endsIn: until - Date.now() }
  }).pipe(
    // A lease that expires at this moment is gone before the read.
    Effect.retry({ while: (error) => PlatformFailure.reasonOf(error) === "NotFound" }),
    Effect.orDie
  )
  return yield* fleetOn({ _tag: "file", directory }, lease)
}).pipe(Effect.provide(NodeContext.layer))

const call = { _tag: "call", fibers: 1 } as const
const renew = { _tag: "renew", fibers: 1 } as const

const failures = (worker: Worker) =>
  worker.events().filter(({ tag }) => tag === "RenewalFailed" || tag === "StorageFailed")

/** Expects that all outcomes have the same token and no failure. Returns the token. */
const expectOne = (
  outcomes: ReadonlyArray<{ readonly tokens: ReadonlyArray<string>; readonly failures: ReadonlyArray<string> }>
) => {
  expect(outcomes.flatMap(({ failures }) => failures)).toEqual([])
  const tokens = new Set(outcomes.flatMap(({ tokens }) => tokens))
  expect(tokens.size).toBe(1)
  return [...tokens][0]
}

/**
 * Repeats `KILL_REPEATS` times: a new process finds the token of the other process. Then `end` ends the new process,
 * and leaves the other with a new token.
 */
const again = <F extends Fleet>(
  name: string,
  fleet: Effect.Effect<F, never, Scope.Scope>,
  end: (fleet: F, doomed: Worker, other: Worker) => Effect.Effect<void, never, Scope.Scope>
) =>
  it.scopedLive(`${name} (× ${repeats})`, () =>
    Effect.gen(function*() {
      const all = yield* fleet
      const other = yield* all.start("other")
      let token = expectOne([yield* other.run(call)])
      for (let repeat = 0; repeat < repeats; repeat++) {
        yield* Effect.gen(function*() {
          const doomed = yield* all.start(`doomed ${repeat}`)
          const requests = all.servers.requests()
          expect(expectOne([yield* doomed.run(call)])).toBe(token)
          expect(all.servers.requests()).toBe(requests)
          const tokens = all.servers.tokens()
          yield* end(all, doomed, other)
          const next = expectOne([yield* other.outcome])
          expect(next).not.toBe(token)
          expect(all.servers.tokens() - tokens).toBeLessThanOrEqual(2)
          token = next
        }).pipe(Effect.scoped)
      }
      const requests = all.servers.requests()
      const newcomer = yield* all.start("newcomer")
      expect(expectOne([yield* newcomer.run(call)])).toBe(token)
      expect(all.servers.requests()).toBe(requests)
      expect([...failures(other), ...failures(newcomer)]).toEqual([])
    }), { timeout: 60_000 + 30_000 * repeats })

const onAll = (fleet: Effect.Effect<Fleet, never, Scope.Scope>) => {
  it.scopedLive("four processes of 250 callers make one token request, and one for each renewal", () =>
    Effect.gen(function*() {
      const { servers, start } = yield* fleet
      const names = ["a", "b", "c", "d"]
      const workers = yield* Effect.forEach(names, (name) => start(name, LONG), { concurrency: "unbounded" })
      const all = (command: "call" | "renew") =>
        Effect.forEach(workers, (worker) => worker.run({ _tag: command, fibers: 250 }), { concurrency: "unbounded" })
      expectOne(yield* all("call"))
      expect(servers.tokens()).toBe(1)
      for (let renewal = 1; renewal <= 3; renewal++) {
        expectOne(yield* all("renew"))
        expect(servers.tokens()).toBe(1 + renewal)
      }
      expect(workers.flatMap(failures)).toEqual([])
    }))

  it.scopedLive("a process that finds a stored token at its start makes no token request", () =>
    Effect.gen(function*() {
      const { servers, start } = yield* fleet
      const first = yield* start("first")
      const token = expectOne([yield* first.run(call)])
      // Callers do not wait until the token is stored.
      yield* first.untilStorage("stored")
      yield* first.kill
      const requests = servers.requests()
      const second = yield* start("second")
      expect(expectOne([yield* second.run(call)])).toBe(token)
      expect(servers.requests()).toBe(requests)
      expect(second.events().map(({ tag }) => tag)).toEqual(["TokenLoaded"])
    }))

  again(
    "a process killed in the middle of a renewal: another process renews, at most one lease duration later",
    fleet,
    ({ lease, servers }, doomed, other) =>
      Effect.gen(function*() {
        const tokens = servers.tokens()
        yield* servers.hold
        yield* doomed.send(renew)
        yield* servers.untilTokens(tokens + 1)
        const first = yield* lease
        yield* other.send(renew)
        yield* other.untilStorage("lease")
        yield* doomed.kill
        expect((yield* lease)?.endsIn ?? 0).toBeLessThanOrEqual(SHORT)
        yield* servers.untilTokens(tokens + 2)
        const second = yield* lease
        if (first !== undefined) expect(second?.holder).not.toBe(first.holder)
        yield* servers.release
      })
  )

  again(
    "a process paused in the middle of a renewal: it overwrites nothing when it continues",
    fleet,
    ({ servers }, doomed, other) =>
      Effect.gen(function*() {
        const tokens = servers.tokens()
        yield* servers.hold
        yield* doomed.send(renew)
        yield* servers.untilTokens(tokens + 1)
        yield* doomed.stop
        yield* other.send(renew)
        yield* servers.untilTokens(tokens + 2)
        yield* servers.release
        yield* other.outcome
        yield* doomed.goOn
        expect((yield* doomed.outcome).failures).toEqual([])
      })
  )
}

describe("processes that share files", () => {
  onAll(fileFleet)

  again(
    "a process killed in the middle of a write: no process reads half a record",
    fileFleet,
    (_, doomed, other) =>
      Effect.gen(function*() {
        yield* doomed.send({ _tag: "stopAtWrite" })
        yield* doomed.send(renew)
        yield* doomed.untilStorage("link")
        yield* doomed.kill
        yield* other.send(renew)
      })
  )
})

describeRedis("processes that share a Redis", () => {
  onAll(redisFleet)

  // Redis delays the commands that write, as a server under load does, and answers the others.
  again(
    "a process killed in the middle of a write: no process reads half a record",
    redisFleet,
    ({ redis, servers }, doomed, other) =>
      Effect.gen(function*() {
        servers.beforeAnswer = () => redis.admin.client("PAUSE", 600_000, "WRITE")
        yield* doomed.send(renew)
        yield* doomed.untilStorage("set")
        yield* Effect.promise(() => redis.admin.info("clients")).pipe(
          Effect.repeat({ while: (info) => !/blocked_clients:[1-9]/.test(info) })
        )
        yield* doomed.kill
        servers.beforeAnswer = () => Promise.resolve()
        yield* Effect.promise(() => redis.admin.client("UNPAUSE"))
        yield* other.send(renew)
      })
  )

  it.scopedLive("calls whose token is in memory send no command to Redis", () =>
    Effect.gen(function*() {
      const { redis, start } = yield* redisFleet
      const worker = yield* start("warm", LONG)
      yield* worker.run(call)
      yield* worker.untilStorage("stored")
      // The lease is released after the token is stored.
      yield* Effect.repeat(Effect.promise(() => redis.admin.keys("*:lease")), { until: (held) => held.length === 0 })
      const commands = () =>
        Effect.promise(() => redis.admin.info("commandstats")).pipe(
          Effect.map((info) =>
            info.split("\r\n").filter((line) => !/cmdstat_(info|keys|client|command)/.test(line)).join("\n")
          )
        )
      const before = yield* commands()
      expect(before).toMatch(/cmdstat_eval/)
      expectOne([yield* worker.run({ _tag: "call", fibers: 1000 })])
      expect(yield* commands()).toBe(before)
    }))

  it.scopedLive("no call fails while Redis hangs, restarts or is flushed", () =>
    Effect.gen(function*() {
      const { redis, servers, start } = yield* redisFleet
      const workers = yield* Effect.forEach(["a", "b"], (name) => start(name, LONG), { concurrency: 2 })
      const all = (command: "call" | "renew") =>
        Effect.forEach(workers, (worker) => worker.run({ _tag: command, fibers: 100 }), { concurrency: "unbounded" })
      expectOne(yield* all("call"))
      yield* Effect.promise(() => redis.admin.flushall())
      expectOne(yield* all("renew"))
      expect(servers.tokens()).toBe(2)
      // A token in memory is used whatever Redis does.
      yield* redis.pause
      expectOne(yield* all("call"))
      yield* redis.resume
      yield* redis.stop
      expectOne(yield* all("call"))
      // Without a token in memory, each process asks the authorization server directly.
      const direct = yield* all("renew")
      expect(direct.flatMap(({ failures }) => failures)).toEqual([])
      expect(servers.tokens()).toBe(4)
      expect(workers.every((worker) => failures(worker).some(({ tag }) => tag === "StorageFailed"))).toBe(true)
      yield* redis.start
      // The processes share tokens again as soon as neither has paused its use of the storage.
      yield* Effect.repeat(all("renew"), {
        until: (outcomes) => new Set(outcomes.flatMap(({ tokens }) => tokens)).size === 1
      })
    }))
})
