/** A Cloudflare Worker that keeps its runtime, and with it the token, for all of its requests. */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthHttpClient, TokenStorage } from "@effect-mcp-auth/core"
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { Effect, Layer, ManagedRuntime, Redacted } from "effect"

interface Environment {
  readonly SERVER_URL: string
  readonly ISSUER: string
}

const makeRuntime = ({ ISSUER, SERVER_URL }: Environment) =>
  ManagedRuntime.make(
    OAuthHttpClient.layer.pipe(
      Layer.provide(ClientSecret.layer({
        serverUrl: SERVER_URL,
        issuer: ISSUER,
        clientId: "worker",
        clientSecret: Redacted.make("canary-secret-of-the-worker")
      })),
      Layer.provide([TokenStorage.layerMemory, FetchHttpClient.layer])
    )
  )

let runtime: ReturnType<typeof makeRuntime> | undefined

export default {
  fetch: async (request: Request, environment: Environment): Promise<Response> => {
    runtime ??= makeRuntime(environment)
    const call = Effect.flatMap(
      HttpClient.get(environment.SERVER_URL),
      ({ status, text }) => Effect.map(text, (body) => new Response(body, { status }))
    )
    // A request that ends while its call goes on: the platform ends the call's fetches and timers.
    if (new URL(request.url).pathname === "/leave") {
      runtime.runFork(call)
      return new Response("left")
    }
    return runtime.runPromise(call)
  }
}
