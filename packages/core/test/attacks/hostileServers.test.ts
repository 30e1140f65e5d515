/** The attacks of `HostileServersContract` on the clients of this project. */
import { HostileServersContract } from "@effect-mcp-auth/testing"
import { describe, it } from "@effect/vitest"
import * as Clients from "./clients.ts"

const { cases, withDeviations } = HostileServersContract

const slash = {
  "metadata whose issuer is the issuer with a slash at its end names a hostile token endpoint":
    "one slash at the end is tolerated, which Entra ID and Auth0 need"
}

const parent = {
  "metadata whose resource is the whole host of a server that has a path names a hostile authorization server":
    "`resourceMatch` is \"parent\" by default, which real servers need"
}

const ofFamilies = (...families: ReadonlyArray<string>) => cases.filter(({ family }) => families.includes(family))

describe("OAuthHttpClient", () => {
  const client = Clients.httpClient()
  for (const { check, family, name, section } of withDeviations(cases, { ...slash, ...parent })) {
    it.effect(`${family}: ${name} (${section})`, () => check(client))
  }
})

describe("OAuthHttpClient with `resourceMatch: \"identical\"`", () => {
  const client = Clients.httpClient({ resourceMatch: "identical" })
  for (const { check, family, name, section } of ofFamilies("without an attack", "metadata of the MCP server")) {
    it.effect(`${family}: ${name} (${section})`, () => check(client))
  }
})

/** Discovery and token requests are the same for both clients, so the attacks on those are not repeated here. */
describe("OAuthFetch", () => {
  const client = Clients.fetch()
  const repeated = ofFamilies(
    "without an attack",
    "challenges",
    "requests with a token",
    "binding to an authorization server",
    "tenants"
  )
  for (const { check, family, name, section } of repeated) {
    it.effect(`${family}: ${name} (${section})`, () => check(client))
  }
})
