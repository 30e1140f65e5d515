import { TokenStorageContract } from "@effect-mcp-auth/testing"
import { describe, expect, it, layer } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Option, Redacted, Scope } from "effect"
import { readFileSync } from "node:fs"
import { make as makeCluster, type Node } from "./support/redisCluster.ts"
import { isInstalled, make as makeServer } from "./support/redisServer.ts"
import { hold, makeKey, makeToken, namesOf, open, until } from "./support/storage.ts"

class Nodes extends Context.Tag("Nodes")<Nodes, readonly [Node, Node, Node]>() {
  static readonly layer = Layer.scoped(Nodes, makeCluster())
}

/** By one URL, as a cloud gives it. */
const openCluster = ({ server }: Node, options: Parameters<typeof open>[1] = {}) =>
  open("", { url: [Redacted.make(server.url)], ...options })

describe.skipIf(!isInstalled)("a cluster of three (skipped where no redis-server is installed)", () => {
  layer(Nodes.layer, { excludeTestServices: true })((it) => {
    describe("the contract, by the URL of one node", () => {
      for (const { check, name } of TokenStorageContract.cases) {
        it.scoped(name, () =>
          Effect.gen(function*() {
            const [first, second] = yield* Nodes
            yield* check(yield* openCluster(first), yield* openCluster(second))
          }))
      }
    })

    it.scoped("keeps tokens and leases on all of its nodes", () =>
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

    it.scoped("the end of a lease wakes whoever waits, at whichever node it listens", () =>
      Effect.gen(function*() {
        const nodes = yield* Nodes
        const options = { leaseDuration: "1 hour", pollInterval: "1 hour" } as const
        const storages = yield* Effect.forEach(nodes, (node) => openCluster(node, options))
        const holder = yield* openCluster(nodes[0], options)
        for (const { key, server } of nodes) {
          const { line } = yield* namesOf(key)
          const release = yield* hold(holder, key)
          const fibers = yield* Effect.forEach(storages, ({ lease }) => Effect.fork(Effect.scoped(lease(key))))
          yield* until(() => server.admin.zcard(line), (count) => count === 3)
          yield* until(
            () => Promise.all(nodes.map(({ server }) => server.admin.pubsub("CHANNELS", `${line.slice(0, -5)}*`))),
            (channels) => channels.flat().length === 3
          )
          yield* release
          yield* Effect.forEach(fibers, Fiber.join)
        }
      }))

    it.scoped("a plain URL is told that it is a node of a cluster, and what to write", () =>
      Effect.gen(function*() {
        const [first, second] = yield* Nodes
        const storage = yield* open(first.server.url)
        for (const use of [storage.get(second.key), storage.set(second.key, makeToken())]) {
          const error = yield* Effect.flip(Effect.asVoid(use))
          expect(error).toMatchObject({ reason: "Unavailable" })
          expect(error.message).toMatch(/MOVED.*node of a cluster: give `url` in an array/)
        }
      }))

    it.scoped("needs no more rights than the README names", () =>
      Effect.gen(function*() {
        const nodes = yield* Nodes
        const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")
        const rights = /needs `(~\S+)` and `(&\S+)` \([^)]+\), and `([^`]+)`; in a\s+cluster `([^`]+)`/.exec(readme)
        expect(rights?.length).toBe(5)
        const names = rights?.slice(1).flatMap((some) => some.split(/\s+/)) ?? []
        for (const { server } of nodes) {
          yield* Effect.promise(() =>
            server.admin.call("ACL", "SETUSER", "least", "on", ">canary-least", "-@all", ...names)
          )
        }
        const place = open("", { url: [Redacted.make(`redis://least:canary-least@127.0.0.1:${nodes[0].server.port}`)] })
        const [storage, other] = [yield* place, yield* place]
        for (const { check } of TokenStorageContract.cases) yield* check(storage, other)

        // A slot on its way to another node.
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

    it.scoped("leaves no connection behind", () =>
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
          yield* until(() => server.admin.zcard(line), (count) => count === 1)
          yield* release
          yield* Fiber.join(waiting)
        }
        yield* Scope.close(scope, Exit.void)
        yield* until(clients, (all) => all.length === 3)
      }))
  })
})

describe.skipIf(!isInstalled)("a cluster in trouble (skipped where no redis-server is installed)", () => {
  it.scopedLive("options of the cluster: names that only `dnsLookup` and `natMap` can find", () =>
    Effect.gen(function*() {
      const named = ["--cluster-announce-hostname", "node.cluster.example.com"]
      const nodes = yield* makeCluster([...named, "--cluster-preferred-endpoint-type", "hostname"])
      const [{ server }] = nodes
      const unknown = yield* open("redis://cluster.example.com", {
        cluster: { dnsLookup: (name, callback) => callback(new Error(`getaddrinfo ENOTFOUND ${name}`), "") },
        commandTimeout: "1 hour"
      })
      expect((yield* Effect.flip(unknown.get(makeKey()))).message).toMatch(/ENOTFOUND cluster\.example\.com\. Correct/)
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

  it.scopedLive("one node is killed: its tokens fail, and it is said why; the others go on; it comes back", () =>
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

  it.scopedLive("all nodes are down, or want another password: it is said soon, and the password is not said", () =>
    Effect.gen(function*() {
      const nodes = yield* makeCluster(["--requirepass", "canary-password"], "canary-password")
      const urls = nodes.map(({ server }) => Redacted.make(`redis://:canary-password@127.0.0.1:${server.port}`))
      const storage = yield* open("", { url: urls.slice(0, 2), commandTimeout: "1 hour" })
      for (const { key } of nodes) yield* storage.set(key, makeToken())
      const url = Redacted.make(`redis://:canary-wrong@127.0.0.1:${nodes[0].server.port}`)
      const refused = yield* Effect.flip((yield* open("", { url: [url], commandTimeout: "1 hour" })).get(makeKey()))
      expect(refused).toMatchObject({ reason: "Refused" })
      expect(refused.message).toMatch(/does not take the password/)
      for (const { server } of nodes) yield* server.stop
      // The first may only find that its connection is closed.
      const error = yield* Effect.flip(storage.get(makeKey())).pipe(
        Effect.repeat({ until: ({ message }) => message.includes("ECONNREFUSED") })
      )
      expect(error).toMatchObject({ reason: "Unavailable" })
      expect(error.message).not.toMatch(/canary/)
    }))

  it.scopedLive("is none: a URL in an array that should not be", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const storage = yield* open("", { url: [Redacted.make(server.url)], commandTimeout: "1 hour" })
      const error = yield* Effect.flip(storage.get(makeKey()))
      expect(error.message).toMatch(/cluster support disabled\. It is no cluster: give its one `url` without an array/)
    }))
})
