/**
 * The call alone, with a header set by hand; imported through Effect's barrels.
 */
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { Effect } from "effect"
import { expectOk, resource, token } from "./given.ts"

const program = Effect.flatMap(
  HttpClient.get(resource, { headers: { authorization: `Bearer ${token}` } }),
  (response) => Effect.as(response.text, response.status)
)

await program.pipe(Effect.provide(FetchHttpClient.layer), Effect.runPromise).then(expectOk)
