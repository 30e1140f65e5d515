import type { Cluster, Redis } from "ioredis"

/**
 * Finds out why a cluster reaches none of its nodes, which ioredis does not report. On each error of the cluster, the
 * probe connects to one node, passes that node's errors to `onError`, and calls `onEnd` when there are no more.
 *
 * Returns the function that closes the probe.
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
