/**
 * The call alone, with a header set by hand; each module imported by its path.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import { expectOk, resource, token } from "./given.ts"

const program = Effect.flatMap(
  HttpClient.get(resource, { headers: { authorization: `Bearer ${token}` } }),
  (response) => Effect.as(response.text, response.status)
)

await program.pipe(Effect.provide(FetchHttpClient.layer), Effect.runPromise).then(expectOk)
