/**
 * A worker process: one provider over a storage that it shares with the other workers.
 */
import * as ClientSecret from "@effect-mcp-auth/client-secret/ClientSecret"
import * as AccessToken from "@effect-mcp-auth/core/AccessToken"
import * as TokenStorage from "@effect-mcp-auth/core/TokenStorage"
import * as FileTokenStorage from "@effect-mcp-auth/storage-file/FileTokenStorage"
import * as RedisTokenStorage from "@effect-mcp-auth/storage-redis/RedisTokenStorage"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { once } from "node:events"
import { Command, type Report, Settings } from "./protocol.ts"

const [message] = await once(process, "message")
const settings = Schema.decodeUnknownSync(Settings)(message)

const encryptionKey = Redacted.make(Buffer.alloc(32, 7).toString("base64url"))

const tell = (report: Report) => Effect.sync(() => void process.send?.(report))

let stopAtWrite = false
let writing = false

/** A Layer with other services in place of its own. */
const changed = <A, B, E, R>(
  layer: Layer.Layer<A, E, R>,
  change: (context: Context.Context<A>) => Context.Context<B>
): Layer.Layer<B, E, R> => Layer.scopedContext(Effect.map(Layer.build(layer), change))

/** Can stop before a written file becomes the record: the last moment at which the process can die with the record. */
const fileSystem = changed(NodeFileSystem.layer, (context) => {
  const fs = Context.get(context, FileSystem.FileSystem)
  return Context.add(context, FileSystem.FileSystem, {
    ...fs,
    link: (from, to) =>
      Effect.suspend(() =>
        stopAtWrite && writing && to.includes("record.")
          ? Effect.zipRight(tell({ _tag: "storage", operation: "link" }), Effect.never)
          : fs.link(from, to)
      )
  })
})

const leaseDuration = settings.leaseDuration

const storage = settings.storage._tag === "redis"
  ? RedisTokenStorage.layer({
    url: Redacted.make(settings.storage.url),
    encryptionKey,
    leaseDuration,
    // Only the end of a lease wakes the waiters: its release, or its expiry after the holder has died.
    pollInterval: "1 hour",
    redis: { connectionName: settings.name }
  })
  : Layer.provide(
    FileTokenStorage.layer({ directory: settings.storage.directory, encryptionKey, leaseDuration }),
    Layer.merge(fileSystem, NodePath.layer)
  )

const reporting = changed(storage, (context) => {
  const below = Context.get(context, TokenStorage.TokenStorage)
  return Context.add(context, TokenStorage.TokenStorage, {
    ...below,
    lease: (key) => Effect.zipRight(tell({ _tag: "storage", operation: "lease" }), below.lease(key)),
    set: (key, token) =>
      Effect.zipRight(
        tell({ _tag: "storage", operation: "set" }),
        Effect.suspend(() => {
          writing = true
          return below.set(key, token)
        })
      ).pipe(Effect.zipLeft(tell({ _tag: "storage", operation: "stored" })))
  })
})

Effect.gen(function*() {
  const provider = yield* ClientSecret.make({
    serverUrl: settings.serverUrl,
    issuer: settings.issuer,
    clientId: "fleet",
    clientSecret: Redacted.make("fleet-secret"),
    // The tests reject tokens more often than a server does.
    refreshPolicy: { rejectionMemory: Duration.zero }
  })
  const commands = yield* Queue.unbounded<Command>()
  process.on("message", (message) => Queue.unsafeOffer(commands, Schema.decodeUnknownSync(Command)(message)))
  process.on("disconnect", () => process.exit())
  yield* Effect.forkScoped(Stream.runForEach(provider.events, (event) =>
    tell({
      _tag: "event",
      tag: event._tag,
      description: "error" in event ? event.error.message : ""
    })))
  yield* Effect.yieldNow()
  yield* tell({ _tag: "ready" })

  let held: AccessToken.AccessToken | undefined
  const ask = ({ _tag }: Command) =>
    _tag === "renew" && held !== undefined ? provider.renew(held) : provider.accessToken
  while (true) {
    const command = yield* Queue.take(commands)
    if (command._tag === "stopAtWrite") {
      stopAtWrite = true
      continue
    }
    const exits = yield* Effect.all(Array.makeBy(command.fibers, () => Effect.exit(ask(command))), {
      concurrency: "unbounded"
    })
    const tokens = exits.filter(Exit.isSuccess).map(({ value }) => value)
    held = tokens[0] ?? held
    yield* tell({
      _tag: "done",
      tokens: Array.dedupe(tokens.map(AccessToken.fingerprint)),
      failures: exits.filter(Exit.isFailure).map(({ cause }) => Cause.pretty(cause))
    })
  }
}).pipe(Effect.scoped, Effect.provide(reporting), Effect.provide(FetchHttpClient.layer), Effect.runFork)
