import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
import { TokenStorageContract } from "@effect-mcp-auth/testing"
import { describe, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { isInstalled, make as makeServer, programs, type RedisServer } from "./support/redisServer.ts"
import { open } from "./support/storage.ts"

class Server extends Context.Tag("Server")<Server, RedisServer>() {}

for (const program of programs) {
  describe.skipIf(!isInstalled)(`the contract, on a ${program}`, () => {
    layer(Layer.scoped(Server, makeServer([], undefined, program)), { excludeTestServices: true })((it) => {
      for (const kind of ["encrypted", "plaintext"]) {
        for (const { check, name } of TokenStorageContract.cases) {
          it.scoped(`${kind}: ${name}`, () =>
            Effect.gen(function*() {
              const { url } = yield* Server
              const place = kind === "encrypted"
                ? open(url)
                : RedisTokenStorage.makePlaintext({ url: Redacted.make(url) })
              yield* check(yield* place, yield* place)
            }))
        }
      }
    })
  })
}
