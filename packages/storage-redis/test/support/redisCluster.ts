/**
 * A cluster of three real `redis-server`s, each with a third of the slots.
 */
import type { TokenKey } from "@effect-mcp-auth/core"
import { Effect, type Scope } from "effect"
import { make as makeServer, type RedisServer, until } from "./redisServer.ts"
import { makeKey, namesOf } from "./storage.ts"

const shares = [[0, 5460], [5461, 10_922], [10_923, 16_383]] as const

export interface Node {
  readonly server: RedisServer
  /** A token key whose slot belongs to this node. */
  readonly key: TokenKey.TokenKey
}

export const make = (
  args: ReadonlyArray<string> = [],
  password?: string
): Effect.Effect<readonly [Node, Node, Node], never, Scope.Scope> =>
  Effect.gen(function*() {
    const node = ([from, to]: readonly [number, number]) =>
      Effect.gen(function*() {
        const server = yield* makeServer(
          // When a node is down, only its own slots are unavailable.
          ["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no", ...args],
          password
        )
        yield* Effect.promise(() => server.admin.call("CLUSTER", "ADDSLOTSRANGE", String(from), String(to)))
        let key = makeKey()
        const slotOf = () =>
          Effect.flatMap(namesOf(key), ({ record }) => Effect.promise(() => server.admin.cluster("KEYSLOT", record)))
        for (let slot = yield* slotOf(); slot < from || slot > to; slot = yield* slotOf()) key = makeKey()
        return { server, key }
      })
    const [first, second, third] = [yield* node(shares[0]), yield* node(shares[1]), yield* node(shares[2])]
    const nodes = [first, second, third] as const
    for (const [one, other] of [[first, second], [second, third], [third, first]] as const) {
      yield* Effect.promise(() => one.server.admin.cluster("MEET", "127.0.0.1", other.server.port))
    }
    for (const { server } of nodes) {
      yield* until(
        () => server.admin.cluster("INFO"),
        (info) => info.includes("cluster_state:ok") && info.includes("cluster_slots_ok:16384")
      )
    }
    return nodes
  })
