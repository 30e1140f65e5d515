import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis"
import type { Address } from "./address.ts"

/**
 * - `addresses`: of the one Redis, or of nodes of a cluster.
 * - `cluster`: makes it a cluster.
 * - `onUnreached`: is told why a cluster was not reached where ioredis tells nobody.
 *
 * @internal
 */
export interface Options {
  readonly addresses: readonly [Address, ...ReadonlyArray<Address>]
  readonly redis: RedisOptions | undefined
  readonly cluster: ClusterOptions | undefined
  readonly retryStrategy: (times: number) => number
  readonly onUnreached: (error: Error) => void
}

/**
 * ioredis, as it is told to be here. It connects when it is first used.
 *
 * @internal
 */
export const make = ({ addresses, cluster, onUnreached, redis, retryStrategy }: Options): Redis | Cluster => {
  const [first] = addresses
  const all: RedisOptions = {
    lazyConnect: true,
    connectTimeout: 5000,
    // A peer that has gone without a word is noticed by what it does not answer.
    socketTimeout: 10_000,
    // A storage that is down is done without: better an error soon than a token late.
    maxRetriesPerRequest: 1,
    retryStrategy,
    sentinelRetryStrategy: retryStrategy,
    // After a failover: the address now stands for another.
    reconnectOnError: ({ message }) => message.includes("READONLY"),
    // A user with no more rights than it needs would have each connection logged as a denial.
    disableClientInfo: true,
    ...redis,
    // Where it cannot have the db, it would go on in this one: the commands themselves say which.
    db: 0
  }
  if (cluster === undefined) return new Redis(first.href, all)
  return new Cluster(addresses.map(({ node }) => ({ ...node })), {
    lazyConnect: true,
    clusterRetryStrategy: (times, reason) => {
      // Such as a name that is not found.
      if (reason !== undefined) onUnreached(reason)
      return retryStrategy(times)
    },
    slotsRefreshTimeout: 5000,
    ...cluster,
    // Who reads from a replica finds a token that was replaced.
    scaleReads: "master",
    // The nodes that a cluster names are reached as the first one is.
    redisOptions: { ...all, ...first.credentials, ...(first.tls ? { tls: all.tls ?? {} } : {}) }
  })
}
