/**
 * Read a report for each tenant from each server, with one provider, and so one token, per pair.
 *
 * Environment: MCP_ISSUER, MCP_SERVER_URLS=https://a.example/mcp,https://b.example/mcp, TENANTS=acme,globex,
 * ACME_CLIENT_ID, ACME_CLIENT_SECRET, GLOBEX_CLIENT_ID, GLOBEX_CLIENT_SECRET
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthProviders, TokenStorage } from "@effect-mcp-auth/core"
import { FetchHttpClient, HttpClient } from "@effect/platform"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Data, Effect } from "effect"

/** The key of a provider, compared by its contents. */
class Account extends Data.Class<{ readonly serverUrl: string; readonly tenant: string }> {}

const makeProvider = Effect.fnUntraced(function*({ serverUrl, tenant }: Account) {
  const client = Config.all({ clientId: Config.string("CLIENT_ID"), clientSecret: Config.redacted("CLIENT_SECRET") })
  const credentials = yield* Config.nested(client, tenant.toUpperCase())
  return yield* ClientSecret.make({ serverUrl, issuer: yield* Config.string("MCP_ISSUER"), ...credentials })
})

const program = Effect.gen(function*() {
  const providers = yield* OAuthProviders.make({ lookup: makeProvider, idleTimeToLive: "15 minutes" })
  const report = Effect.fnUntraced(function*(account: Account) {
    const client = HttpClient.filterStatusOk(yield* providers.httpClient(account))
    const response = yield* client.get(new URL("/reports/today", account.serverUrl).href)
    yield* Console.log(`${account.tenant}: ${yield* response.text}`)
  }, Effect.scoped)
  // A tenant without a token, or without a report, does not stop the others.
  const reportOrExplain = (account: Account) =>
    report(account).pipe(
      Effect.catchTag("RequestError", "ResponseError", (error) => Console.error(`${account.tenant}: ${error.message}`))
    )
  const servers = yield* Config.array(Config.string(), "MCP_SERVER_URLS")
  const tenants = yield* Config.array(Config.string(), "TENANTS")
  const accounts = servers.flatMap((serverUrl) => tenants.map((tenant) => new Account({ serverUrl, tenant })))
  yield* Effect.forEach(accounts, reportOrExplain, { concurrency: "unbounded", discard: true })
})

program.pipe(Effect.scoped, Effect.provide([FetchHttpClient.layer, TokenStorage.layerMemory]), NodeRuntime.runMain)
