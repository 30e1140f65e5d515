/**
 * An authorization server whose answers a test can hold back, and real processes that make token requests to it.
 */
import { Effect, Schema, type Scope } from "effect"
import { fork } from "node:child_process"
import { createServer, type ServerResponse } from "node:http"
import { close, listen } from "./listen.ts"
import { type Command, Report, type Settings } from "./protocol.ts"

/** Waits for a condition, on a machine of any speed. The time limit of the test ends the wait. */
class Watched {
  readonly #waiting = new Set<() => void>()
  readonly changed = (): void => {
    for (const look of this.#waiting) look()
  }
  readonly until = (is: () => boolean): Effect.Effect<void> =>
    Effect.async((resume) => {
      const look = () => {
        if (!is()) return
        this.#waiting.delete(look)
        resume(Effect.void)
      }
      this.#waiting.add(look)
      look()
      return Effect.sync(() => this.#waiting.delete(look))
    })
}

export interface Servers {
  readonly issuer: string
  readonly serverUrl: string
  /** The number of token requests so far. */
  readonly tokens: () => number
  /** The number of requests of any kind so far. */
  readonly requests: () => number
  readonly untilTokens: (count: number) => Effect.Effect<void>
  /** Token requests wait from now on, until `release` answers them. */
  readonly hold: Effect.Effect<void>
  readonly release: Effect.Effect<void>
  /** The server calls this function when a token request has arrived, and answers the request afterwards. */
  beforeAnswer: () => Promise<unknown>
}

export const makeServers: Effect.Effect<Servers, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(async () => {
    const watched = new Watched()
    let requests = 0
    let tokens = 0
    let held: Array<ServerResponse> | undefined
    const json = (response: ServerResponse, body: unknown) => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body))
    }
    const issue = (response: ServerResponse) =>
      json(response, { access_token: `fleet-token-${crypto.randomUUID()}`, token_type: "Bearer", expires_in: 3600 })
    const server = createServer((request, response) => {
      requests++
      const origin = `http://${request.headers.host}`
      if (request.url === "/token") {
        tokens++
        if (held !== undefined) held.push(response)
        else void servers.beforeAnswer().then(() => issue(response))
      } else if (request.url?.startsWith("/.well-known/oauth-authorization-server") === true) {
        json(response, { issuer: origin, token_endpoint: `${origin}/token` })
      } else if (request.url?.startsWith("/.well-known/oauth-protected-resource") === true) {
        json(response, { resource: `${origin}/mcp`, authorization_servers: [origin] })
      } else response.writeHead(404).end()
      watched.changed()
    })
    const issuer = `http://127.0.0.1:${await listen(server)}`
    const servers: Servers = {
      issuer,
      serverUrl: `${issuer}/mcp`,
      tokens: () => tokens,
      requests: () => requests,
      untilTokens: (count) => watched.until(() => tokens >= count),
      hold: Effect.sync(() => {
        held = []
      }),
      release: Effect.sync(() => {
        for (const response of held ?? []) issue(response)
        held = undefined
      }),
      beforeAnswer: () => Promise.resolve()
    }
    return { server, servers }
  }),
  ({ server }) =>
    Effect.promise(async () => {
      server.closeAllConnections()
      await close(server)
    })
).pipe(Effect.map(({ servers }) => servers))

export interface Worker {
  readonly send: (command: Command) => Effect.Effect<void>
  /** The outcome of the command that was sent last. */
  readonly outcome: Effect.Effect<Extract<Report, { _tag: "done" }>>
  readonly run: (command: Command) => Effect.Effect<Extract<Report, { _tag: "done" }>>
  /** Waits until, after the last command, the worker is about to do this with its storage, or has stored a token. */
  readonly untilStorage: (operation: "lease" | "set" | "link" | "stored") => Effect.Effect<void>
  /** The events of the provider so far. */
  readonly events: () => ReadonlyArray<Extract<Report, { _tag: "event" }>>
  /** Pauses the process with SIGSTOP. `goOn` continues it with SIGCONT. */
  readonly stop: Effect.Effect<void>
  readonly goOn: Effect.Effect<void>
  /** Kills the process with SIGKILL. */
  readonly kill: Effect.Effect<void>
}

/** A process that is ready for commands. It ends with the scope at the latest. */
export const startWorker = (settings: Settings) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const watched = new Watched()
      const reports: Array<Report> = []
      let since = 0
      const child = fork(new URL("worker.ts", import.meta.url), {
        execArgv: [],
        stdio: ["ignore", "pipe", "inherit", "ipc"]
      })
      // Vitest shows the console of a test that fails, and nothing of the others.
      // oxlint-disable-next-line no-console -- the log of the process
      child.stdout?.on("data", (text) => console.log(`${settings.name}: ${String(text).trimEnd()}`))
      child.send(settings)
      child.on("message", (message) => {
        reports.push(Schema.decodeUnknownSync(Report)(message))
        watched.changed()
      })
      let ended = false
      child.once("exit", () => {
        ended = true
        watched.changed()
      })
      const find = (is: (report: Report) => boolean) => reports.slice(since).find(is)
      const untilReport = (is: (report: Report) => boolean) =>
        Effect.zipRight(
          watched.until(() => ended || find(is) !== undefined),
          Effect.suspend(() =>
            find(is) === undefined ? Effect.dieMessage(`the process "${settings.name}" has ended`) : Effect.void
          )
        )
      const send = (command: Command) =>
        Effect.sync(() => {
          since = reports.length
          child.send(command)
        })
      const outcome = untilReport(({ _tag }) => _tag === "done").pipe(Effect.flatMap(() => {
        const done = find(({ _tag }) => _tag === "done")
        return done?._tag === "done" ? Effect.succeed(done) : Effect.dieMessage("the process reported no outcome")
      }))
      const worker: Worker = {
        send,
        outcome,
        run: (command) => Effect.zipRight(send(command), outcome),
        untilStorage: (operation) =>
          untilReport((report) => report._tag === "storage" && report.operation === operation),
        events: () => reports.flatMap((report) => report._tag === "event" ? [report] : []),
        stop: Effect.sync(() => void child.kill("SIGSTOP")),
        goOn: Effect.sync(() => void child.kill("SIGCONT")),
        kill: Effect.zipRight(Effect.sync(() => void child.kill("SIGKILL")), watched.until(() => ended))
      }
      return { worker, ready: untilReport(({ _tag }) => _tag === "ready") }
    }),
    ({ worker }) => worker.kill
  ).pipe(Effect.flatMap(({ ready, worker }) => Effect.as(ready, worker)))
