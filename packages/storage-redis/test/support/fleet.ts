/**
 * An authorization server that the test holds the answers of, and real processes that ask it.
 */
import { Effect, Schema, type Scope } from "effect"
import { fork } from "node:child_process"
import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import { type Command, Report, type Settings } from "./protocol.ts"

/** Waits for what comes in its own time, however slow the machine is; the test's time limit ends it. */
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
  /** Token requests so far. */
  readonly tokens: () => number
  /** Requests of any kind so far. */
  readonly requests: () => number
  readonly untilTokens: (count: number) => Effect.Effect<void>
  /** From now on token requests wait for `release`, which answers them all, and those that come after. */
  readonly hold: Effect.Effect<void>
  readonly release: Effect.Effect<void>
  /** What is done when a token request has come, before it is answered. */
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
        const held_ = held
        if (held_ !== undefined) held_.push(response)
        else void servers.beforeAnswer().then(() => issue(response))
      } else if (request.url?.startsWith("/.well-known/oauth-authorization-server") === true) {
        json(response, { issuer: origin, token_endpoint: `${origin}/token` })
      } else if (request.url?.startsWith("/.well-known/oauth-protected-resource") === true) {
        json(response, { resource: `${origin}/mcp`, authorization_servers: [origin] })
      } else response.writeHead(404).end()
      watched.changed()
    }).listen(0, "127.0.0.1")
    await once(server, "listening")
    const address = server.address()
    const issuer = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
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
      server.close()
      await once(server, "close")
    })
).pipe(Effect.map(({ servers }) => servers))

export interface Worker {
  readonly send: (command: Command) => Effect.Effect<void>
  /** The outcome of the command that was sent last. */
  readonly outcome: Effect.Effect<Extract<Report, { _tag: "done" }>>
  readonly run: (command: Command) => Effect.Effect<Extract<Report, { _tag: "done" }>>
  /** Until the worker is about to do this with its storage, or a token is stored, after the last command. */
  readonly untilStorage: (operation: "lease" | "set" | "link" | "stored") => Effect.Effect<void>
  /** The provider's events so far. */
  readonly events: () => ReadonlyArray<Extract<Report, { _tag: "event" }>>
  /** SIGSTOP, and SIGCONT. */
  readonly stop: Effect.Effect<void>
  readonly goOn: Effect.Effect<void>
  /** kill -9. */
  readonly kill: Effect.Effect<void>
}

/** A process, ready for commands; it ends with the scope at the latest. */
export const startWorker = (settings: Settings) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const watched = new Watched()
      const reports: Array<Report> = []
      let since = 0
      const child = fork(new URL("worker.ts", import.meta.url), { execArgv: [] })
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
          Effect.suspend(() => find(is) === undefined ? Effect.dieMessage(`${settings.name} has ended`) : Effect.void)
        )
      const send = (command: Command) =>
        Effect.sync(() => {
          since = reports.length
          child.send(command)
        })
      const outcome = untilReport(({ _tag }) => _tag === "done").pipe(Effect.flatMap(() => {
        const done = find(({ _tag }) => _tag === "done")
        return done?._tag === "done" ? Effect.succeed(done) : Effect.dieMessage("no outcome")
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
