import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
import { TokenStorageContract } from "@effect-mcp-auth/testing"
import { layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { programs } from "./support/redisProgram.ts"
import { describeRedis, Server } from "./support/redisServer.ts"
import { open } from "./support/storage.ts"

for (const program of programs) {
  describeRedis(`the storage contract on a ${program}`, () => {
    layer(Server.layer(program), { excludeTestServices: true })((it) => {
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
