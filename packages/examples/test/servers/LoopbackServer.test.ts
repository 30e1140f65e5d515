import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as LoopbackServer from "../../src/servers/LoopbackServer.ts"
import { send } from "./plainClient.ts"

const echo: LoopbackServer.Options = {
  name: "The echo",
  listener: () => (request, response) => response.end(request.url)
}

describe("LoopbackServer", () => {
  it.scopedLive("when its port is taken, fails with an error that names the port", () =>
    Effect.gen(function*() {
      const { origin } = yield* LoopbackServer.make(echo)
      const port = Number(new URL(origin).port)
      const error = yield* Effect.flip(LoopbackServer.make({ ...echo, port }))
      assert.strictEqual(error.message, `The echo cannot listen on 127.0.0.1:${port}: another program listens there`)
    }))

  it.scopedLive("closes with its scope, even while connections are open", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { origin } = yield* LoopbackServer.make({
        name: "The stream",
        listener: () => (_request, response) => void response.write("never the end")
      }).pipe(Scope.extend(scope))
      const response = yield* Effect.promise(() => fetch(origin))
      yield* Scope.close(scope, Exit.void)
      const rest = yield* Effect.exit(Effect.tryPromise(() => response.text()))
      assert.strictEqual(Exit.isFailure(rest), true)
      const again = yield* Effect.exit(Effect.tryPromise(() => fetch(origin)))
      assert.strictEqual(Exit.isFailure(again), true)
    }))

  it.scopedLive("delays every request by its latency, and counts it", () =>
    Effect.gen(function*() {
      const { origin, requests } = yield* LoopbackServer.make({ ...echo, latency: 100 })
      const started = performance.now()
      yield* send(`${origin}/path?query`)
      assert.isAtLeast(performance.now() - started, 99)
      assert.strictEqual(requests("GET /path"), 1)
      assert.strictEqual(requests("GET /other"), 0)
    }))

  it.scopedLive("does not answer a request whose connection closed in onRequest", () =>
    Effect.gen(function*() {
      const answered: Array<string | undefined> = []
      const { origin, requests } = yield* LoopbackServer.make({
        name: "The doorkeeper",
        onRequest: async ({ socket, url }) => {
          if (url === "/gone") socket.destroy()
        },
        listener: () => (request, response) => {
          answered.push(request.url)
          response.end()
        }
      })
      const gone = yield* Effect.exit(Effect.tryPromise(() => fetch(`${origin}/gone`)))
      assert.strictEqual(Exit.isFailure(gone), true)
      yield* Effect.promise(() => fetch(`${origin}/here`))
      assert.deepStrictEqual(answered, ["/here"])
      assert.strictEqual(requests("GET /gone"), 1)
    }))
})
