/**
 * A process of `pnpm demo:fleet`: many fibers that read a report again and again, with one provider and the storage that
 * it shares with the other processes.
 */
import * as ClientSecret from "@effect-mcp-auth/client-secret/ClientSecret"
import * as OAuthHttpClient from "@effect-mcp-auth/core/OAuthHttpClient"
import { OAuthProvider } from "@effect-mcp-auth/core/OAuthProvider"
import * as TokenStorage from "@effect-mcp-auth/core/TokenStorage"
import * as RedisTokenStorage from "@effect-mcp-auth/storage-redis/RedisTokenStorage"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type Report, Settings } from "./fleetMessages.ts"

const settings = Schema.decodeSync(Schema.parseJson(Settings))(process.argv[2] ?? "")

const counts = { calls: 0, failed: 0, failure: "", slowest: 0, obtained: 0, loaded: 0, storageFailures: 0 }

const tell = (report: Report) => Effect.sync(() => void process.send?.(report))

const storage = (() => {
  const { leaseDuration, storage } = settings
  const encryptionKey = Redacted.make(settings.encryptionKey)
  switch (storage._tag) {
    case "memory":
      return TokenStorage.layerMemory
    case "file":
      return TokenStorage.layerFileSystem({ directory: storage.directory, encryptionKey, leaseDuration }).pipe(
        Layer.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))
      )
    case "redis":
      return RedisTokenStorage.layer({ url: Redacted.make(storage.url), encryptionKey, leaseDuration })
  }
})()

/** Says so before it asks for a token: the parent may want to kill whoever does. */
const plain = Layer.map(FetchHttpClient.layer, (context) => context).pipe(
  Layer.flatMap((context) =>
    Layer.effect(
      HttpClient.HttpClient,
      Effect.map(HttpClient.HttpClient, (client) =>
        HttpClient.tapRequest(client, ({ url }) =>
          url.endsWith("/token") ? tell({ _tag: "renewing" }) : Effect.void))
    ).pipe(Layer.provide(Layer.succeedContext(context)))
  )
)

const provider = ClientSecret.layer({
  serverUrl: settings.serverUrl,
  issuer: settings.issuer,
  clientId: settings.clientId,
  clientSecret: Redacted.make(settings.clientSecret),
  scopes: ["reports:read"]
}).pipe(Layer.provide(storage))

const count = (event: { readonly _tag: string }) =>
  Effect.sync(() => {
    if (event._tag === "TokenObtained" || event._tag === "TokenRenewed") counts.obtained++
    if (event._tag === "TokenLoaded") counts.loaded++
    if (event._tag === "StorageFailed") counts.storageFailures++
  })

const call = HttpClient.get(settings.serverUrl).pipe(
  Effect.flatMap(({ status, text }) => Effect.as(text, status)),
  Effect.scoped,
  Effect.either,
  Effect.timed,
  Effect.map(([took, outcome]) => {
    counts.calls++
    counts.slowest = Math.max(counts.slowest, Duration.toMillis(took))
    if (Either.isRight(outcome) && outcome.right === 200) return
    counts.failed++
    counts.failure = Either.match(outcome, {
      onLeft: ({ message }) => message,
      onRight: (status) => `status ${status}`
    })
  })
)

const caller = Effect.flatMap(
  Random.nextIntBetween(0, settings.pause),
  (start) => call.pipe(Effect.repeat(Schedule.spaced(settings.pause)), Effect.delay(start))
)

Effect.gen(function*() {
  const { accessToken, events } = yield* OAuthProvider
  yield* Effect.forkScoped(Stream.runForEach(events, count))
  yield* Effect.yieldNow()
  yield* Effect.forkScoped(
    Effect.suspend(() => tell({ _tag: "counts", ...counts })).pipe(Effect.repeat(Schedule.spaced(200)))
  )
  // A thousand callers that have all waited for the same token would then connect in the same moment.
  yield* Effect.ignore(accessToken)
  yield* Effect.all(Array.from({ length: settings.fibers }, () => caller), { concurrency: "unbounded", discard: true })
}).pipe(
  Effect.scoped,
  Effect.provide(OAuthHttpClient.layer.pipe(Layer.provideMerge(provider), Layer.provide(plain))),
  Effect.runFork
)

process.on("disconnect", () => process.exit())
