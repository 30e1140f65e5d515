/**
 * Starts the process with the servers, and controls it.
 */
import * as Schema from "effect/Schema"
import { fork } from "node:child_process"
import { Answer, defaults } from "./control.ts"
import type { Command, Settings, State } from "./control.ts"

export interface ServerProcess {
  /** A clean start: no tokens, no counts, and the defaults but for what is given. */
  readonly reset: (settings?: Partial<Settings>) => Promise<State>
  readonly issueToken: () => Promise<string>
  readonly revokeAll: () => Promise<State>
  readonly setDown: (down: boolean) => Promise<State>
  /** The counters and the log as they are now. */
  readonly look: () => Promise<State>
  readonly close: () => Promise<void>
}

interface Waiting {
  readonly resolve: (state: State) => void
  readonly reject: (error: Error) => void
}

export const start = (): ServerProcess => {
  // Without the parent's flags: a profile or an inspector is meant for the client, not for the servers.
  const child = fork(new URL("leanServers.ts", import.meta.url), { execArgv: [] })
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let gone: Error | undefined

  const exited = new Promise<void>((resolve) => {
    child.once("exit", (code) => {
      gone = new Error(`the process with the servers has ended (exit code ${code})`)
      for (const { reject } of waiting.values()) reject(gone)
      waiting.clear()
      resolve()
    })
  })

  child.on("message", (message: unknown) => {
    const { id, state } = Schema.decodeUnknownSync(Answer)(message)
    waiting.get(id)?.resolve(state)
    waiting.delete(id)
  })

  const tell = (command: Command): Promise<State> =>
    new Promise((resolve, reject) => {
      if (gone !== undefined) return reject(gone)
      const id = ++lastId
      waiting.set(id, { resolve, reject })
      child.send({ id, command })
    })

  return {
    reset: (settings = {}) => tell({ _tag: "Reset", settings: { ...defaults, ...settings } }),
    issueToken: async () => (await tell({ _tag: "Issue" })).token,
    revokeAll: () => tell({ _tag: "RevokeAll" }),
    setDown: (down) => tell({ _tag: "SetDown", down }),
    look: () => tell({ _tag: "Look" }),
    close: async () => {
      if (child.connected) child.disconnect()
      await exited
    }
  }
}
