/** The thread that fuzzes. The sources are instrumented while it loads them, so that nothing is imported before. */
import { parentPort, workerData } from "node:worker_threads"
import { readCorpus } from "./corpus.ts"
import { install } from "./instrument.ts"

interface Order {
  readonly target: string
  readonly seed: number
  readonly until: number
  readonly maxExecutions: number
  /** The number of inputs that were begun, the length of the last one, and its code units. */
  readonly running: SharedArrayBuffer
}

const order: Order = workerData

install()
const { fuzz } = await import("./engine.ts")
const { targets } = await import("./targets.ts")

const target = targets.find(({ name }) => name === order.target)
if (target === undefined) throw new Error(`no target ${order.target}`)
const view = new Uint32Array(order.running)
const report = await fuzz(target, {
  ...order,
  corpus: readCorpus(target.name),
  running: (input) => {
    Atomics.store(view, 1, Math.min(input.length, view.length - 2))
    for (let index = 0; index < input.length && index + 2 < view.length; index++) {
      view[index + 2] = input.charCodeAt(index)
    }
    Atomics.add(view, 0, 1)
  }
})
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- the port of a thread has no origin
parentPort?.postMessage(report)
