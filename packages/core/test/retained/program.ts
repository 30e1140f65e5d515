/** Prints the texts that a provider keeps of hostile servers, as JSON. */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { heldTexts } from "@effect-mcp-auth/tooling/heap"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { Effect, Layer, Logger, LogLevel, Redacted } from "effect"
import * as Challenge from "../../src/Challenge.ts"
import * as TokenStorage from "../../src/TokenStorage.ts"

const issuer = "https://auth.example.com"
const serverUrl = "https://mcp.example.com/mcp"

/** Every text of a server has this mark, so that it is found on the heap. The texts are made anew for each request. */
const mark = (): string => ["ser", "ver's"].join("")

const size = Number(process.argv[2])

const words = (): ReadonlyArray<string> =>
  Array.from({ length: size / 128 }, (_, index) => `${mark()}-of-some-length-${index}`)

const long = (): string => mark() + "x".repeat(size / 4)

/** The fields of a document, all of them about as long as the document may be. */
const filled = (fields: object, names: ReadonlyArray<string>): object => ({
  ...fields,
  [mark()]: words(),
  ...Object.fromEntries(
    names.map((name, index) => [name, index % 2 === 0 ? words().slice(0, 400) : mark().repeat(100)])
  )
})

let issued = 0
let isRefusing = false

const bodyOf = (url: string): string => {
  if (url.includes("oauth-protected-resource")) {
    return JSON.stringify(filled({
      resource: serverUrl,
      authorization_servers: [issuer, ...words()],
      scopes_supported: words()
    }, ["resource_name", "bearer_methods_supported", "resource_documentation", "jwks_uri"]))
  }
  if (url.includes("oauth-authorization-server")) {
    return JSON.stringify(filled({ issuer, token_endpoint: `${issuer}/token` }, [
      "grant_types_supported",
      "scopes_supported",
      "response_types_supported",
      "jwks_uri",
      "authorization_details_types_supported"
    ]))
  }
  return JSON.stringify({
    access_token: `${mark()}-token-${++issued}`,
    token_type: "Bearer",
    expires_in: 3600,
    refresh_token: long(),
    scope: words().join(" "),
    [mark()]: long()
  })
}

const client = HttpClient.make((request) =>
  Effect.sync(() =>
    HttpClientResponse.fromWeb(
      request,
      isRefusing && request.url.endsWith("/token")
        ? new Response(`${mark()} ${long()}`, { status: 400, headers: { "content-type": "text/plain" } })
        : new Response(bodyOf(request.url), { headers: { "content-type": "application/json" } })
    )
  )
)

const makeProvider = (clientId: string) =>
  ClientSecret.make({
    serverUrl,
    issuer: "discover",
    clientId,
    clientSecret: Redacted.make("secret of the client")
  })

const challengeOf = (error: string) =>
  Challenge.fromHeader(`Bearer error="${error}", scope="${words().slice(0, 2000).join("x ")}x", realm="${mark()}"`)

const held = Effect.gen(function*() {
  const provider = yield* makeProvider("client")
  const token = yield* provider.accessToken
  const wider = yield* provider.renew(token, challengeOf("insufficient_scope"))
  const renewed = yield* provider.renew(wider, challengeOf("invalid_token"))
  isRefusing = true
  const refused = yield* makeProvider("refused client")
  const error = yield* Effect.flip(refused.accessToken)
  // The platform keeps the last text in which an expression found something.
  void /a/.test("a")
  const texts = yield* Effect.promise(() => heldTexts(mark()))
  // The token and the error are held to here, as a program may do.
  return { texts: texts.map(({ size }) => size), issued, held: [Redacted.value(renewed.value), error.message] }
})

const Environment = Layer.mergeAll(
  TokenStorage.layerMemory,
  Layer.succeed(HttpClient.HttpClient, client),
  Logger.minimumLogLevel(LogLevel.None)
)

process.stdout.write(JSON.stringify(await Effect.runPromise(Effect.scoped(Effect.provide(held, Environment)))))
