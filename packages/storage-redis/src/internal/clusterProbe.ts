import type { Cluster, Redis } from "ioredis"

/**
 * A cluster says that it reaches no node, but not why. Who connects to a node is told: `onError` hears it, and `onEnd` that
 * there is no more to hear. Gives what ends it.
 *
 * @internal
 */
export const make = (cluster: Cluster, onError: (error: Error) => void, onEnd: () => void): () => void => {
  let probe: Redis | undefined
  let closed = false
  cluster.on("node error", onError)
  cluster.on("error", () => {
    const [node] = cluster.nodes()
    if (closed || probe !== undefined || node === undefined) return
    probe = node.duplicate({ retryStrategy: null })
    probe.on("error", onError)
    probe.on("end", () => {
      probe = undefined
      onEnd()
    })
    probe.connect().then(() => probe?.disconnect(), () => {})
  })
  return () => {
    closed = true
    probe?.disconnect()
  }
}
