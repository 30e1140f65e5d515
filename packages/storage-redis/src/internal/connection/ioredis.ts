import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis"
import type { Address } from "./address.ts"

/**
 * @internal
 */
export interface Options {
  /** The one Redis, or some nodes of a cluster. */
  readonly addresses: readonly [Address, ...ReadonlyArray<Address>]
  readonly redis: RedisOptions | undefined
  /** Present for a cluster. */
  readonly cluster: ClusterOptions | undefined
  /** A source of numbers from 0 to 1, without 1. */
  readonly random: () => number
  /** Receives the reason why a cluster was not reached where ioredis publishes no event for it. */
  readonly onUnreached: (error: Error) => void
}

/**
 * The delay in milliseconds before the next attempt to connect. The delay grows with the attempts up to 1 second and is
 * random, so that the clients of a restarted Redis do not all come back at the same moment.
 *
 * @internal
 */
export const backoff = (random: () => number) => (times: number): number =>
  1 + Math.floor(random() * Math.min(times * 50, 1000))

/**
 * ioredis 6 speaks RESP3 by default. RESP2, which ioredis 5 speaks, keeps the bytes on the wire the same with both: no
 * `HELLO`, which older servers, proxies and a minimal ACL refuse.
 */
const resp2 = { protocol: 2 } as const

/**
 * Options that a caller must not change.
 *
 * - `db`: the connection stays in db 0, and each command selects its db. ioredis would silently go on in db 0 if it
 *   could not select another.
 * - `replyMapping`: ioredis 6 rejects any other value together with RESP2, and no reply here depends on it.
 */
const fixed = { db: 0, replyMapping: "legacy" } as const

/**
 * An ioredis client with the settings of this package, of ioredis 5 or 6. It connects on first use.
 *
 * @internal
 */
export const make = ({ addresses, cluster, onUnreached, random, redis }: Options): Redis | Cluster => {
  const [first] = addresses
  const retryStrategy = backoff(random)
  const all = {
    lazyConnect: true,
    connectTimeout: 5000,
    // Detects a peer that disappeared without closing the connection.
    socketTimeout: 10_000,
    // The provider carries on without the storage: an early error is better than a late token.
    maxRetriesPerRequest: 1,
    retryStrategy,
    sentinelRetryStrategy: retryStrategy,
    // After a failover the same address leads to the new primary.
    reconnectOnError: ({ message }) => message.includes("READONLY"),
    // Redis would log `CLIENT SETINFO` as a denial on each connection of a user with minimal rights.
    disableClientInfo: true,
    ...resp2,
    ...redis,
    ...fixed
  } satisfies RedisOptions
  if (cluster === undefined) return new Redis(first.href, all)
  return new Cluster(addresses.map(({ node }) => ({ ...node })), {
    lazyConnect: true,
    clusterRetryStrategy: (times, reason) => {
      // The reason is for example a host name that DNS does not know.
      if (reason !== undefined) onUnreached(reason)
      return retryStrategy(times)
    },
    slotsRefreshTimeout: 5000,
    ...cluster,
    // A replica may still return a token that was replaced.
    scaleReads: "master",
    // The nodes that the cluster names have the credentials and the TLS of the first URL.
    redisOptions: { ...all, ...first.credentials, ...(first.tls ? { tls: all.tls ?? {} } : {}) }
  })
}
