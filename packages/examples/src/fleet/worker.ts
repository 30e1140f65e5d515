/**
 * One process of `pnpm demo:fleet`: many fibers that read a report again and again, with one provider, on the storage
 * that the processes share.
 */
import * as ClientSecret from "@effect-mcp-auth/client-secret/ClientSecret"
import type { OAuthEvent } from "@effect-mcp-auth/core/OAuthEvent"
import * as OAuthHttpClient from "@effect-mcp-auth/core/OAuthHttpClient"
import { OAuthProvider } from "@effect-mcp-auth/core/OAuthProvider"
import * as TokenStorage from "@effect-mcp-auth/core/TokenStorage"
import * as FileTokenStorage from "@effect-mcp-auth/storage-file/FileTokenStorage"
import * as RedisTokenStorage from "@effect-mcp-auth/storage-redis/RedisTokenStorage"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { once } from "node:events"
import { type Counts, none, Settings } from "./Messages.ts"
import { runMain } from "../runMain.ts"

const [message] = await once(process, "message")
const settings = Schema.decodeUnknownSync(Settings)(message)

process.on("disconnect", () => process.exit())
// Only its work keeps the process alive, not the channel to its parent: when the work fails, the process ends.
process.channel?.unref()

const counts = { ...none }

const sendCounts = Effect.sync(() => void process.send?.(counts satisfies Counts))

const storage = (() => {
  const { leaseDuration, storage } = settings
  const encryptionKey = Redacted.make(settings.encryptionKey)
  switch (storage._tag) {
    case "memory":
      return TokenStorage.layerMemory
    case "file":
      return FileTokenStorage.layer({ directory: storage.directory, encryptionKey, leaseDuration }).pipe(
        Layer.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))
      )
    case "redis":
      return RedisTokenStorage.layer({ url: Redacted.make(storage.url), encryptionKey, leaseDuration })
  }
})()

/** Sends the name of the process, so that the parent can kill the process that requests a token. */
const plain = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, HttpClient.mapRequest(HttpClientRequest.setHeader("user-agent", settings.name)))
).pipe(Layer.provide(FetchHttpClient.layer))

const provider = ClientSecret.layer({
  serverUrl: settings.serverUrl,
  issuer: settings.issuer,
  clientId: settings.clientId,
  clientSecret: Redacted.make(settings.clientSecret),
  scopes: ["reports:read"]
}).pipe(Layer.provide(storage))

const count = (event: OAuthEvent) =>
  Effect.sync(() => {
    if (event._tag === "TokenObtained" || event._tag === "TokenRenewed") counts.obtained++
    if (event._tag === "TokenLoaded") counts.loaded++
    if (event._tag === "StorageFailed") {
      counts.storageFailures++
      counts.storageFailure = event.error.message
    }
  })

/** The message of an error and of its causes, since the message of a RequestError alone does not say why. */
const explain = (error: Error): string =>
  error.cause instanceof Error ? `${error.message}: ${explain(error.cause)}` : error.message

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
      onLeft: explain,
      onRight: (status) => `status ${status}`
    })
  })
)

const caller = Effect.flatMap(
  Random.nextIntBetween(0, settings.pause),
  (start) => call.pipe(Effect.repeat(Schedule.spaced(settings.pause)), Effect.delay(start))
)

runMain(
  Effect.gen(function*() {
    const { accessToken, events } = yield* OAuthProvider
    yield* Effect.forkScoped(Stream.runForEach(events, count))
    yield* Effect.yieldNow()
    yield* Effect.forkScoped(Effect.repeat(sendCounts, Schedule.spaced(200)))
    // Obtains the token first. Otherwise all callers would wait for it, and then connect at the same moment.
    yield* Effect.ignore(accessToken)
    yield* Effect.all(Array.from({ length: settings.fibers }, () => caller), {
      concurrency: "unbounded",
      discard: true
    })
  }).pipe(
    Effect.scoped,
    Effect.provide(OAuthHttpClient.layer.pipe(Layer.provideMerge(provider), Layer.provide(plain)))
  )
)
