import { HostileServersContract } from "@effect-mcp-auth/testing"
import { describe, it } from "@effect/vitest"
import * as Clients from "./clients.ts"

for (const [name, client] of [["OAuthHttpClient", Clients.httpClient()], ["OAuthFetch", Clients.fetch()]] as const) {
  describe(name, () => {
    for (const { check, family, name, section } of HostileServersContract.cases) {
      it.effect(`${family}: ${name} (${section})`, () => check(client))
    }
  })
}
