import { TokenStorageContract } from "@effect-mcp-auth/testing"
import { describe, expect, it, layer } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Option, Redacted, Scope } from "effect"
import { make as makeCluster, type Node } from "./support/redisCluster.ts"
import { describeRedis, make as makeServer, until } from "./support/redisServer.ts"
import { checkContract, hold, makeKey, makeToken, namesOf, open, readmeRights } from "./support/storage.ts"

class Nodes extends Context.Tag("Nodes")<Nodes, readonly [Node, Node, Node]>() {
  static readonly layer = Layer.scoped(Nodes, makeCluster())
}

/** Opens the cluster by one URL, as a cloud provider gives it. */
const openCluster = ({ server }: Node, options: Parameters<typeof open>[1] = {}) =>
  open("", { url: [Redacted.make(server.url)], ...options })

describeRedis("a cluster of three nodes", () => {
  layer(Nodes.layer, { excludeTestServices: true })((it) => {
    describe("the storage contract, by the URL of one node", () => {
      for (const { check, name } of TokenStorageContract.cases) {
        it.scoped(name, () =>
          Effect.gen(function*() {
            const [first, second] = yield* Nodes
            yield* check(yield* openCluster(first), yield* openCluster(second))
          }))
      }
    })

    it.scoped("keeps tokens and leases on all nodes", () =>
      Effect.gen(function*() {
        const nodes = yield* Nodes
        const storage = yield* openCluster(nodes[0])
        for (const { key, server } of nodes) {
          const { lease, record } = yield* namesOf(key)
          yield* storage.lease(key)
          const token = makeToken()
          yield* storage.set(key, token)
          expect(yield* storage.get(key)).toEqual(Option.some(token))
          expect(yield* Effect.promise(() => server.admin.exists(lease, record))).toBe(2)
        }
      }))

    it.scoped("wakes all waiters of a lease when it is released, at whichever node each of them listens", () =>
      Effect.gen(function*() {
        const nodes = yield* Nodes
        const options = { leaseDuration: "1 hour", pollInterval: "1 hour" } as const
        const storages = yield* Effect.forEach(nodes, (node) => openCluster(node, options))
        const holder = yield* openCluster(nodes[0], options)
        for (const { key, server } of nodes) {
          const { line } = yield* namesOf(key)
          const release = yield* hold(holder, key)
          const fibers = yield* Effect.forEach(storages, ({ lease }) => Effect.fork(Effect.scoped(lease(key))))
          yield* server.untilInLine(line, 3)
          yield* until(
            () => Promise.all(nodes.map(({ server }) => server.admin.pubsub("CHANNELS", `${line.slice(0, -5)}*`))),
            (channels) => channels.flat().length === 3
          )
          yield* release
          yield* Effect.forEach(fibers, Fiber.join)
        }
      }))

    it.scoped("opened by a URL without an array is an error that asks for an array", () =>
      Effect.gen(function*() {
        const [first, second] = yield* Nodes
        const storage = yield* open(first.server.url)
        for (const use of [storage.get(second.key), storage.set(second.key, makeToken())]) {
          const error = yield* Effect.flip(Effect.asVoid(use))
          expect(error).toMatchObject({ reason: "Unavailable" })
          expect(error.message).toMatch(/MOVED.*node of a cluster: give `url` as an array/)
        }
      }))

    it.scoped("needs no more rights than the README names", () =>
      Effect.gen(function*() {
        const nodes = yield* Nodes
        const rights = readmeRights()
        expect(rights.cluster).toEqual(["+cluster", "+asking"])
        const [url] = yield* Effect.forEach(
          nodes,
          ({ server }) => server.addUser("least", "-@all", ...rights.always, ...rights.cluster)
        )
        if (url === undefined) return expect.unreachable()
        const storage = yield* checkContract(open("", { url: [Redacted.make(url)] }))

        // A slot that is moving to another node.
        const [from, to] = nodes
        const { fence, record } = yield* namesOf(from.key)
        yield* Effect.promise(() => from.server.admin.del(record, fence))
        const slot = yield* Effect.promise(() => from.server.admin.cluster("KEYSLOT", record))
        const setSlot = (node: Node, ...state: ReadonlyArray<string>) =>
          Effect.promise(() => node.server.admin.call("CLUSTER", "SETSLOT", slot, ...state))
        const [fromId, toId] = yield* Effect.forEach(
          [from, to],
          ({ server }) => Effect.promise(() => server.admin.cluster("MYID"))
        )
        yield* setSlot(to, "IMPORTING", String(fromId))
        yield* setSlot(from, "MIGRATING", String(toId))
        expect(yield* storage.get(from.key)).toEqual(Option.none())
        yield* setSlot(from, "STABLE")
        yield* setSlot(to, "STABLE")
      }))

    it.scoped("leaves no connection open when the scope of the storage closes", () =>
      Effect.gen(function*() {
        const nodes = yield* Nodes
        const clients = () =>
          Promise.all(nodes.map(({ server }) => server.admin.client("LIST"))).then((lists) =>
            lists.flatMap((list) => String(list).trim().split("\n"))
          )
        yield* until(clients, (all) => all.length === 3)
        const scope = yield* Scope.make()
        const [one, two] = yield* Scope.extend(Effect.all([openCluster(nodes[0]), openCluster(nodes[0])]), scope)
        for (const { key, server } of nodes) {
          const { line } = yield* namesOf(key)
          const release = yield* hold(one, key)
          const waiting = yield* Effect.fork(Effect.scoped(two.lease(key)))
          yield* server.untilInLine(line, 1)
          yield* release
          yield* Fiber.join(waiting)
        }
        yield* Scope.close(scope, Exit.void)
        yield* until(clients, (all) => all.length === 3)
      }))
  })
})

describeRedis("a cluster in trouble", () => {
  it.scopedLive("is reached by names that only the options `dnsLookup` and `natMap` resolve", () =>
    Effect.gen(function*() {
      const named = ["--cluster-announce-hostname", "node.cluster.example.com"]
      const nodes = yield* makeCluster([...named, "--cluster-preferred-endpoint-type", "hostname"])
      const [{ server }] = nodes
      const unknown = yield* open("redis://cluster.example.com", {
        cluster: { dnsLookup: (name, callback) => callback(new Error(`getaddrinfo ENOTFOUND ${name}`), "") },
        commandTimeout: "1 hour"
      })
      expect((yield* Effect.flip(unknown.get(makeKey()))).message).toMatch(/ENOTFOUND cluster\.example\.com\. Check/)
      const storage = yield* open(`redis://cluster.example.com:${server.port}`, {
        cluster: {
          dnsLookup: (_, callback) => callback(null, "127.0.0.1"),
          natMap: (address) => ({ host: "127.0.0.1", port: Number(address.replace("node.cluster.example.com:", "")) })
        }
      })
      for (const { key } of nodes) {
        const token = makeToken()
        yield* storage.set(key, token)
        expect(yield* storage.get(key)).toEqual(Option.some(token))
      }
    }))

  it.scopedLive("one node dies: only its tokens fail, with the reason, until it comes back", () =>
    Effect.gen(function*() {
      const [first, second, third] = yield* makeCluster()
      const storage = yield* openCluster(first)
      for (const { key } of [first, second, third]) yield* storage.set(key, makeToken())
      yield* second.server.stop
      const uses = [
        storage.get(second.key),
        storage.set(second.key, makeToken()),
        Effect.scoped(storage.lease(second.key))
      ]
      const errors = yield* Effect.forEach(uses, (use) => Effect.flip(Effect.asVoid(use)), { concurrency: "unbounded" })
      for (const error of errors) {
        expect(error).toMatchObject({ reason: "Unavailable" })
        expect(error.message).toMatch(/ECONNREFUSED|CLUSTERDOWN/)
      }
      for (const { key } of [first, third]) {
        const token = makeToken({ issuedIn: 0 })
        yield* storage.set(key, token)
        expect(yield* storage.get(key)).toEqual(Option.some(token))
      }
      yield* second.server.start
      const token = makeToken({ issuedIn: 0 })
      yield* Effect.retry(storage.set(second.key, token), { while: ({ reason }) => reason === "Unavailable" })
      expect(yield* storage.get(second.key)).toEqual(Option.some(token))
      yield* Effect.scoped(storage.lease(second.key))
    }))

  it.scopedLive("all nodes are down or reject the password: an early error with the reason and without the password", () =>
    Effect.gen(function*() {
      const nodes = yield* makeCluster(["--requirepass", "canary-password"], "canary-password")
      const urls = nodes.map(({ server }) => Redacted.make(`redis://:canary-password@127.0.0.1:${server.port}`))
      const storage = yield* open("", { url: urls.slice(0, 2), commandTimeout: "1 hour" })
      for (const { key } of nodes) yield* storage.set(key, makeToken())
      const url = Redacted.make(`redis://:canary-wrong@127.0.0.1:${nodes[0].server.port}`)
      const refused = yield* Effect.flip((yield* open("", { url: [url], commandTimeout: "1 hour" })).get(makeKey()))
      expect(refused).toMatchObject({ reason: "Refused" })
      expect(refused.message).toMatch(/rejects the password/)
      for (const { server } of nodes) yield* server.stop
      // The first command may only find its connection closed.
      const error = yield* Effect.flip(storage.get(makeKey())).pipe(
        Effect.repeat({ until: ({ message }) => message.includes("ECONNREFUSED") })
      )
      expect(error).toMatchObject({ reason: "Unavailable" })
      expect(error.message).not.toMatch(/canary/)
    }))

  it.scopedLive("a URL in an array that is not a cluster is an error that asks for a plain URL", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const storage = yield* open("", { url: [Redacted.make(server.url)], commandTimeout: "1 hour" })
      const error = yield* Effect.flip(storage.get(makeKey()))
      expect(error.message).toMatch(
        /cluster support disabled\. This Redis is not a cluster: give `url` without an array/
      )
    }))
})
