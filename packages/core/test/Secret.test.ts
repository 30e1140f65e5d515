import { NodeFileSystem } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { SystemError } from "@effect/platform/Error"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Either, Fiber, Redacted, TestClock } from "effect"
import { inspect } from "node:util"
import { ClientAuthentication, Secret, type TokenRequestContext } from "../src/index.ts"
import { authorizationServer } from "./support/tokenEndpoint.ts"

const SECRET = "canary-q7-Zk2wX9pLm"

/** A directory that ends with the test. */
const directory = Effect.flatMap(FileSystem.FileSystem, (files) => files.makeTempDirectoryScoped())

const encode = (text: string) => new TextEncoder().encode(text)

const utf16 = (text: string) => new Uint8Array([0xff, 0xfe, ...text.split("").flatMap((c) => [c.charCodeAt(0), 0])])

const context: TokenRequestContext.TokenRequestContext = {
  authorizationServer,
  resource: "https://mcp.example.com/mcp",
  resourceParameter: undefined,
  scopes: []
}

describe("Secret.file", () => {
  it.scoped.each<readonly [what: string, bytes: Uint8Array, secret: string]>([
    ["a secret alone", encode(SECRET), SECRET],
    ["a line break at the end", encode(`${SECRET}\n`), SECRET],
    ["CRLF at the end", encode(`${SECRET}\r\n`), SECRET],
    ["a byte order mark at the start", encode(`\ufeff${SECRET}\n`), SECRET],
    ["white space around it", encode(` ${SECRET} \n`), ` ${SECRET} `],
    ["other letters", encode("canary-geheimnis-ü-密"), "canary-geheimnis-ü-密"],
    ["64 KiB", encode("c".repeat(64 * 1024)), "c".repeat(64 * 1024)]
  ])("reads %s", ([_, bytes, secret]) =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const path = `${yield* directory}/secret`
      yield* files.writeFile(path, bytes)
      expect(Redacted.value(yield* Secret.file(path))).toBe(secret)
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped.each<readonly [what: string, bytes: Uint8Array, says: string]>([
    ["nothing", encode(""), "is empty. Check the program that writes the file."],
    ["a line break alone", encode("\n"), "is empty. Check"],
    ["two line breaks", encode("\n\n"), "is empty. Check"],
    ["UTF-16", utf16(SECRET), "is not UTF-8. Save it as UTF-8"],
    ["bytes that are no text", new Uint8Array([0x80, 0xff]), "is not UTF-8"],
    ["too much", encode("canary".repeat(20_000)), "is larger than 65536 bytes, which no secret is"]
  ])("refuses a file with %s, and shows no secret", ([_, bytes, says]) =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const path = `${yield* directory}/secret`
      yield* files.writeFile(path, bytes)
      const error = yield* Effect.flip(Secret.file(path))
      expect([error._tag, error.reason]).toEqual(["CredentialError", "Malformed"])
      expect(error.message).toContain(says)
      expect(error.message).toContain(`The file ${path} `)
      for (const shown of [String(error), JSON.stringify(error), inspect(error, { depth: 9 })]) {
        expect(shown).not.toContain("canary")
      }
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped.each<readonly [what: string, text: string, says: string]>([
    ["two line breaks at the end", `${SECRET}\n\n`, "it ends with a line break"],
    ["two lines", `${SECRET}\n${SECRET}`, "it holds a control character"],
    ["a null character", `${SECRET}\0`, "it holds a control character"],
    ["a second byte order mark", `\ufeff\ufeff${SECRET}`, "it holds a byte order mark"]
  ])("is no client secret with %s, and shows no secret", ([_, text, says]) =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const path = `${yield* directory}/secret`
      yield* files.writeFileString(path, text)
      const clientSecret = Effect.provide(Secret.file(path), NodeFileSystem.layer)
      const error = yield* Effect.flip(
        ClientAuthentication.clientSecretBasic({ clientId: "c", clientSecret }).prove(context)
      )
      assert(error._tag === "CredentialError")
      expect(error.reason).toBe("Malformed")
      expect(error.message).toContain(`The file ${path} in \`clientSecret\` has a value that was not sent: ${says}`)
      expect(inspect(error, { depth: 9 })).not.toContain("canary")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("says that a file does not exist, is a directory or is not named", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const missing = yield* Effect.flip(Secret.file(`${path}/secret`))
      expect([missing.reason, missing.message]).toEqual([
        "Unavailable",
        `The file ${path}/secret does not exist. Check the path, and that the secret is mounted.`
      ])
      const folder = yield* Effect.flip(Secret.file(path))
      expect([folder.reason, folder.message]).toEqual([
        "Malformed",
        `The file ${path} is a directory. Give the path of the file in it.`
      ])
      expect((yield* Effect.flip(Secret.file(""))).message).toBe(
        "No secret was read: `path`: it is empty. Give the path of the file."
      )
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  const large = Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const path = `${yield* directory}/secret`
    yield* files.writeFile(path, encode("c".repeat(64 * 1024 + 1)))
    return { files, path }
  })

  it.scoped("does not read a file of more than 64 KiB", () =>
    Effect.gen(function*() {
      const { files, path } = yield* large
      const watched = { ...files, readFile: () => Effect.die("the file was read") }
      const error = yield* Effect.flip(Effect.provideService(Secret.file(path), FileSystem.FileSystem, watched))
      expect(error.message).toContain("is larger than 65536 bytes")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("refuses a file of more than 64 KiB whose size the system does not say", () =>
    Effect.gen(function*() {
      const { files, path } = yield* large
      const stat = (of: string) => Effect.map(files.stat(of), (info) => ({ ...info, size: FileSystem.Size(0) }))
      const error = yield* Effect.flip(
        Effect.provideService(Secret.file(path), FileSystem.FileSystem, { ...files, stat })
      )
      expect(error.message).toContain("is larger than 65536 bytes")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.effect("says that the process may not read the file", () =>
    Effect.gen(function*() {
      const denied = new SystemError({ reason: "PermissionDenied", module: "FileSystem", method: "stat" })
      const files = FileSystem.makeNoop({ stat: () => Effect.fail(denied) })
      const error = yield* Effect.flip(
        Effect.provideService(Secret.file("/run/secrets/a"), FileSystem.FileSystem, files)
      )
      expect(error.message).toBe(
        "The file /run/secrets/a cannot be read by this process. Give the process the right to read it."
      )
    }))

  it.effect("fails as Unavailable if the file cannot be read within 10 seconds", () =>
    Effect.gen(function*() {
      const files = FileSystem.makeNoop({ stat: () => Effect.never })
      const reading = yield* Effect.fork(
        Effect.either(Effect.provideService(Secret.file("/nfs/a"), FileSystem.FileSystem, files))
      )
      yield* TestClock.adjust("10 seconds")
      const result = yield* Fiber.join(reading)
      assert(Either.isLeft(result))
      expect([result.left.reason, result.left.transient]).toEqual(["Unavailable", true])
      expect(result.left.message).toContain("could not be read within 10s")
    }))
})

describe("a secret file that rotates", () => {
  /** The layout of a mounted secret of Kubernetes: the file links through `..data`, which is replaced as a whole. */
  const mount = Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const root = yield* directory
    const publish = (version: string, secret: string) =>
      Effect.gen(function*() {
        yield* files.makeDirectory(`${root}/..${version}`)
        yield* files.writeFileString(`${root}/..${version}/client-secret`, secret)
        yield* files.symlink(`..${version}`, `${root}/..data_tmp`)
        yield* files.rename(`${root}/..data_tmp`, `${root}/..data`)
      })
    yield* publish("2026_01", "canary-january\n")
    yield* files.symlink("..data/client-secret", `${root}/client-secret`)
    return { root, publish, files, path: `${root}/client-secret` }
  })

  const presented = (authentication: ClientAuthentication.ClientAuthentication) =>
    Effect.map(authentication.prove(context), ({ parameters }) => {
      const secret = parameters?.["client_secret"]
      return Redacted.isRedacted(secret) ? Redacted.value(secret) : secret
    })

  const authenticate = (path: string) =>
    ClientAuthentication.clientSecretPost({
      clientId: "c",
      clientSecret: Secret.file(path).pipe(Effect.provide(NodeFileSystem.layer))
    })

  it.scoped("presents the new secret of a Kubernetes mount from the next token request on", () =>
    Effect.gen(function*() {
      const { files, path, publish, root } = yield* mount
      const authentication = authenticate(path)
      expect(yield* presented(authentication)).toBe("canary-january")
      const before = yield* files.stat(path)
      yield* publish("2026_02", "canary-februar\n")
      // The new file may have the size and the time of the old one.
      expect((yield* files.stat(path)).size).toBe(before.size + 0n)
      expect(yield* presented(authentication)).toBe("canary-februar")
      yield* files.remove(`${root}/..2026_01`, { recursive: true })
      expect(yield* presented(authentication)).toBe("canary-februar")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("presents the last secret while the file is missing or empty, and a new one after a refusal", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const path = `${yield* directory}/secret`
      const authentication = authenticate(path)
      yield* files.writeFileString(path, "canary-1\n")
      const proof = yield* authentication.prove(context)
      yield* files.writeFileString(path, "")
      expect(yield* presented(authentication)).toBe("canary-1")
      yield* files.remove(path)
      expect(yield* presented(authentication)).toBe("canary-1")
      yield* files.writeFileString(path, "canary-2\n")
      assert(authentication.refused !== undefined)
      expect(yield* authentication.refused(proof)).toBe(true)
      expect(yield* presented(authentication)).toBe("canary-2")
      yield* files.remove(path)
      expect(yield* authentication.refused(yield* authentication.prove(context))).toBe(false)
      expect((yield* Effect.flip(authentication.prove(context)))._tag).toBe("CredentialError")
    }).pipe(Effect.provide(NodeFileSystem.layer)))
})
