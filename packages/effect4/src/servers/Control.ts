/** The control server of `main.ts`: makes stages, works their switches and reports what their servers have seen. */
import * as LoopbackServer from "@effect-mcp-auth/examples/servers/LoopbackServer"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import type { IncomingMessage, ServerResponse } from "node:http"
import { text } from "node:stream/consumers"
import * as Stage from "./Stage.ts"

export interface Control {
  readonly url: string
}

interface Open {
  readonly stage: Stage.Stage
  readonly scope: Scope.CloseableScope
}

/** The switches of a stage, by their names in URLs. */
const switches: Readonly<Record<string, (stage: Stage.Stage) => Effect.Effect<void>>> = {
  "revoke-all": (stage) => stage.revokeAll,
  "authorization-server-away": (stage) => stage.authorizationServerAway,
  "authorization-server-back": (stage) => stage.authorizationServerBack,
  "remove-client": (stage) => stage.removeClient,
  "forget-sessions": (stage) => stage.forgetSessions,
  following: (stage) => stage.following,
  release: (stage) => stage.release
}

export const make: Effect.Effect<Control, LoopbackServer.ListenError, Scope.Scope> = Effect.gen(function*() {
  const all = yield* Effect.scope
  const stages = new Map<string, Open>()
  const run = Runtime.runPromise(yield* Effect.runtime())

  const open = Effect.fnUntraced(function*(options: Stage.Options) {
    const scope = yield* Scope.fork(all, ExecutionStrategy.sequential)
    const stage = yield* Scope.extend(Stage.make(options), scope)
    const id = String(stages.size + 1)
    stages.set(id, { stage, scope })
    return { id, settings: stage.settings }
  })

  const answer = Effect.fnUntraced(function*(method: string, path: string, body: string) {
    const [, , id = "", name] = path.split("/")
    if (method === "POST" && id === "") return yield* open(JSON.parse(body))
    const found = stages.get(id)
    if (found === undefined) return undefined
    const { scope, stage } = found
    if (method === "GET") return yield* stage.state
    if (method === "DELETE") return yield* Effect.as(Scope.close(scope, Exit.void), null)
    const work = name === undefined ? undefined : switches[name]
    return work === undefined ? undefined : yield* Effect.as(work(stage), null)
  })

  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = "GET", url = "/" } = request
    const body = await run(answer(method, url, await text(request)))
    response.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" })
    response.end(JSON.stringify(body ?? null))
  }

  const server = yield* LoopbackServer.make({
    name: "The control server",
    listener: () => (request, response) => {
      respond(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
    }
  })
  return { url: server.origin }
})
