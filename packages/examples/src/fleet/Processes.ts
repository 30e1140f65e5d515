/**
 * The processes of `pnpm demo:fleet`. A killed process is replaced. A process that ends by itself is counted as
 * crashed.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { Counts, none, type Settings } from "./Messages.ts"

export interface Processes {
  /** The counts of every process, dead ones included. */
  readonly counts: () => ReadonlyArray<Counts>
  /** How many processes ended without being killed. */
  readonly crashed: () => number
  /** Kills a process with SIGKILL and starts another in its place. Resolves when the process is dead. */
  readonly kill: (name: string) => Promise<void>
}

interface Worker {
  readonly child: ChildProcess
  counts: Counts
  killed: boolean
}

export const make = (
  count: number,
  settings: Omit<Settings, "name">
): Effect.Effect<Processes, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const living = new Map<string, Worker>()
      const dead: Array<Counts> = []
      let started = 0
      let crashed = 0
      let closed = false
      const start = () => {
        const name = `worker-${++started}`
        const child = fork(new URL("worker.ts", import.meta.url), { execArgv: [] })
        const worker: Worker = { child, counts: none, killed: false }
        living.set(name, worker)
        // The settings hold secrets. Every user of the machine could read them among the arguments.
        child.send({ ...settings, name } satisfies Settings)
        child.on("message", (message) => {
          worker.counts = Schema.decodeUnknownSync(Counts)(message)
        })
        child.once("exit", () => {
          living.delete(name)
          dead.push(worker.counts)
          if (!worker.killed) crashed++
        })
      }
      const end = async (name: string) => {
        const worker = living.get(name)
        if (worker === undefined) return
        worker.killed = true
        const exited = once(worker.child, "exit")
        worker.child.kill("SIGKILL")
        await exited
      }
      for (let index = 0; index < count; index++) start()
      return {
        counts: () => [...dead, ...[...living.values()].map(({ counts }) => counts)],
        crashed: () => crashed,
        kill: async (name: string) => {
          await end(name)
          // After the scope has closed, no finalizer would end a new process.
          if (!closed) start()
        },
        close: () => {
          closed = true
          return Promise.all([...living.keys()].map(end))
        }
      }
    }),
    ({ close }) => Effect.promise(close)
  )
