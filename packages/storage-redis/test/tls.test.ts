import { expect, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { generate } from "selfsigned"
import { freePort } from "./support/listen.ts"
import { describeRedis, make as makeServer, until } from "./support/redisServer.ts"
import { checkContract, makeKey, makeToken, open } from "./support/storage.ts"

/** A redis-server with one port for TLS and one for plain text, and with a certificate for 127.0.0.1. */
const makeTlsServer = (args: ReadonlyArray<string> = []) =>
  Effect.gen(function*() {
    const { cert: ca, private: key } = yield* Effect.promise(() =>
      generate([{ name: "commonName", value: "redis of the tests" }], {
        keyType: "ec",
        algorithm: "sha256",
        extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }]
      })
    )
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "redis-tls-"))),
      (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
    )
    const [certFile, keyFile] = [join(directory, "cert.pem"), join(directory, "key.pem")]
    writeFileSync(certFile, ca)
    writeFileSync(keyFile, key, { mode: 0o600 })
    const port = yield* Effect.promise(freePort)
    const files = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", certFile]
    const server = yield* makeServer(["--tls-port", String(port), "--tls-auth-clients", "no", ...files, ...args])
    return { ca, plainPort: server.port, port, server }
  })

describeRedis("TLS", () => {
  it.scopedLive("a rediss:// URL with the authority's certificate in `redis.tls.ca` passes the contract", () =>
    Effect.gen(function*() {
      const { ca, port } = yield* makeTlsServer()
      yield* checkContract(open(`rediss://127.0.0.1:${port}`, { redis: { tls: { ca } } }))
    }))

  it.scopedLive("each node of a cluster is reached with the same `redis.tls`", () =>
    Effect.gen(function*() {
      // A node that has met no other node does not know its own address.
      const announced = ["--cluster-announce-ip", "127.0.0.1"]
      const { ca, port, server } = yield* makeTlsServer([
        "--cluster-enabled",
        "yes",
        "--tls-cluster",
        "yes",
        ...announced
      ])
      yield* Effect.promise(() => server.admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383"))
      yield* until(() => server.admin.cluster("INFO"), (info) => info.includes("cluster_state:ok"))
      const url = [Redacted.make(`rediss://127.0.0.1:${port}`)]
      yield* checkContract(open("", { url, redis: { tls: { ca } } }))
      const error = yield* Effect.flip((yield* open("", { url })).get(makeKey()))
      expect(error.message).toMatch(/self-signed certificate\. .*`redis: \{ tls: \{ ca \} \}`/)
    }))

  it.scopedLive("an untrusted certificate, or one for another name, is an error that names the option to set", () =>
    Effect.gen(function*() {
      const { ca, port } = yield* makeTlsServer()
      const untrusted = yield* open(`rediss://127.0.0.1:${port}`)
      for (
        const use of [untrusted.get(makeKey()), untrusted.set(makeKey(), makeToken()), untrusted.lease(makeKey())]
      ) {
        const error = yield* Effect.flip(Effect.asVoid(use))
        expect(error).toMatchObject({ reason: "Unavailable" })
        expect(error.message).toMatch(/self-signed certificate\. .*`redis: \{ tls: \{ ca \} \}`/)
      }
      const misnamed = yield* open(`rediss://127.0.0.1:${port}`, {
        redis: { tls: { ca, servername: "redis.example.com" } }
      })
      expect((yield* Effect.flip(misnamed.get(makeKey()))).message).toMatch(/altnames.*`redis\.tls\.servername`/)
    }))

  it.scopedLive("plain text to a TLS port, and TLS to a plain port, is an error that names the other URL scheme", () =>
    Effect.gen(function*() {
      const { ca, plainPort, port } = yield* makeTlsServer()
      const plain = yield* Effect.flip((yield* open(`redis://127.0.0.1:${port}`)).get(makeKey()))
      expect(plain.message).toMatch(/If this Redis speaks TLS, write rediss:\/\//)
      const tls = yield* open(`rediss://127.0.0.1:${plainPort}`, {
        redis: { tls: { ca } },
        commandTimeout: "100 millis"
      })
      expect((yield* Effect.flip(tls.get(makeKey()))).message).toMatch(
        /no answer within 100ms \(`commandTimeout`\): no connection was made\. If this Redis does not speak TLS, write redis:/
      )
      expect(yield* (yield* open(`redis://127.0.0.1:${plainPort}`)).get(makeKey())).toEqual(Option.none())
    }))
})
