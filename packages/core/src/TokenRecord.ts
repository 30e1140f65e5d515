/**
 * What a storage that leaves the process keeps of a token: one line of text, with a version, encrypted or not; and what a
 * place for such records has to be able to do.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { AccessToken } from "./AccessToken.ts"
import { InvalidOptions, TokenStorageError } from "./OAuthError.ts"

/**
 * Tokens to records and back. `name` is what the record is kept under: a record that is found under another one is not
 * opened.
 *
 * `open` fails with a `TokenStorageError` of reason `Damaged`, `UnknownVersion`, `Foreign` or `UnknownKey`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Codec {
  readonly seal: (name: string, token: AccessToken) => Effect.Effect<string, TokenStorageError>
  readonly open: (name: string, record: string) => Effect.Effect<AccessToken, TokenStorageError>
}

/**
 * `encryptionKey`: 32 random bytes as base64url, such as `openssl rand -base64 32` prints. Of several, the first writes
 * and all of them read: to change the key, put the new one in front, and drop the old one when its tokens have expired.
 *
 * @since 0.1.0
 * @category models
 */
export interface EncryptionOptions {
  readonly encryptionKey: Redacted.Redacted<string> | ReadonlyArray<Redacted.Redacted<string>>
}

/**
 * What becomes of a record: it stays, a new one takes its place, or it goes. `keepFor`: for how long the new one is of
 * use, in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type Change = Data.TaggedEnum<{
  Keep: {}
  Write: { readonly record: string; readonly keepFor: number }
  Remove: {}
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const Change: Data.TaggedEnum.Constructor<Change> = Data.taggedEnum<Change>()

/**
 * A place for records, each a line of text under a name of 43 letters, digits, `-` and `_`: what a storage that leaves the
 * process is made of.
 *
 * - `modify` asks what is to become of the current record, and does it, as one step: if another process is faster, it
 *   asks again. What must not be used counts as none.
 * - `lease` holds for the scope, and ends some time after its holder has died. Left out: it holds within this process.
 *   It need not know of other fibers of this process, of which only one comes at a time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store {
  readonly get: (name: string) => Effect.Effect<Option.Option<string>, TokenStorageError>
  readonly modify: (
    name: string,
    operation: "set" | "remove",
    change: (current: Option.Option<string>) => Effect.Effect<Change, TokenStorageError>
  ) => Effect.Effect<void, TokenStorageError>
  readonly lease?: ((name: string) => Effect.Effect<void, TokenStorageError, Scope.Scope>) | undefined
}

const VERSION = 1

/** A record is far shorter; what is longer is not looked into. In characters. */
const MAX_LENGTH = 1024 * 1024

const Head = Schema.parseJson(Schema.Struct({ version: Schema.Number }))

const Sealed = Schema.parseJson(Schema.Struct({
  version: Schema.Literal(VERSION),
  name: Schema.String,
  expiresAt: Schema.Number,
  keyId: Schema.String,
  iv: Schema.Uint8ArrayFromBase64Url,
  ciphertext: Schema.Uint8ArrayFromBase64Url
}))

const Plain = Schema.parseJson(Schema.Struct({
  version: Schema.Literal(VERSION),
  name: Schema.String,
  token: AccessToken
}))

const Content = Schema.parseJson(AccessToken)

/** Without the cause, which would hold the record. */
const unreadable = (reason: TokenStorageError["reason"], description: string) =>
  new TokenStorageError({ operation: "get", reason, description })

const damaged = unreadable("Damaged", "the record is damaged, or no record. The next token replaces it.")

const checkVersion = (record: string): Either.Either<void, TokenStorageError> => {
  const head = record.length > MAX_LENGTH ? Option.none() : Schema.decodeUnknownOption(Head)(record)
  if (Option.isNone(head)) return Either.left(damaged)
  return head.value.version === VERSION
    ? Either.void
    : Either.left(unreadable(
      "UnknownVersion",
      `the record is of version ${head.value.version}, and this program knows version ${VERSION}. ` +
        `The next token replaces it.`
    ))
}

const checkName = (found: string, name: string): Either.Either<void, TokenStorageError> =>
  found === name
    ? Either.void
    : Either.left(unreadable(
      "Foreign",
      "the record is that of another client, server or scope, and was not used. The next token replaces it."
    ))

/**
 * Records that anybody who can read them can use. `layer...Plaintext` of the storages say so in their name.
 *
 * @since 0.1.0
 * @category constructors
 */
export const plaintext: Codec = {
  seal: (name, token) => Effect.orDie(Schema.encode(Plain)({ version: VERSION, name, token })),
  open: (name, record) =>
    Either.gen(function*() {
      yield* checkVersion(record)
      if (Option.isSome(Schema.decodeUnknownOption(Sealed)(record))) return yield* Either.left(isEncrypted)
      const found = yield* Either.fromOption(Schema.decodeUnknownOption(Plain)(record), () => damaged)
      yield* checkName(found.name, name)
      return found.token
    })
}

const isEncrypted = unreadable(
  "UnknownKey",
  "the record is encrypted, and this storage reads plaintext. It is left alone until its token has expired. Use the " +
    "storage whose name does not end in `Plaintext`, or another place."
)

const unknownKey = unreadable(
  "UnknownKey",
  "the record was encrypted with a key that is not among those given as `encryptionKey`. It is left alone until its " +
    "token has expired. Give the key that wrote it as well, behind the one that is to write."
)

interface Key {
  readonly id: string
  readonly key: CryptoKey
}

/**
 * Records encrypted with AES-256-GCM, under a new nonce each. The name, the version, the expiry and the key's id are
 * authenticated with them (additional authenticated data), so that a record is good for nothing in another's place.
 *
 * Fails with `InvalidOptions` if a key is not 32 bytes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const encrypted = (options: EncryptionOptions): Effect.Effect<Codec, InvalidOptions> =>
  Effect.gen(function*() {
    const given = Redacted.isRedacted(options.encryptionKey) ? [options.encryptionKey] : options.encryptionKey
    const keys = yield* Effect.forEach(given, importKey)
    const [newest] = keys
    if (newest === undefined) return yield* invalid("it is empty. Give at least one key.")

    return {
      seal: (name, token) =>
        Effect.gen(function*() {
          const head = { version: VERSION, name, expiresAt: token.expiresAt, keyId: newest.id } as const
          const iv = crypto.getRandomValues(new Uint8Array(12))
          const content = new TextEncoder().encode(yield* Effect.orDie(Schema.encode(Content)(token)))
          const ciphertext = yield* Effect.promise(() =>
            crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: authenticated(head) }, newest.key, content)
          )
          return yield* Effect.orDie(
            Schema.encode(Sealed)({ ...head, iv, ciphertext: new Uint8Array(ciphertext) })
          )
        }),
      open: (name, record) =>
        Effect.gen(function*() {
          yield* checkVersion(record)
          const sealed = yield* Effect.mapError(Schema.decodeUnknownOption(Sealed)(record), () => damaged)
          yield* checkName(sealed.name, name)
          const key = keys.find(({ id }) => id === sealed.keyId)
          if (key === undefined) return yield* unknownKey
          const content = yield* Effect.tryPromise({
            try: () =>
              crypto.subtle.decrypt(
                { name: "AES-GCM", iv: new Uint8Array(sealed.iv), additionalData: authenticated(sealed) },
                key.key,
                new Uint8Array(sealed.ciphertext)
              ),
            catch: () => damaged
          })
          return yield* Effect.mapError(
            Schema.decodeUnknownOption(Content)(new TextDecoder().decode(content)),
            () => damaged
          )
        })
    }
  })

const authenticated = (
  head: { readonly version: number; readonly name: string; readonly expiresAt: number; readonly keyId: string }
): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify([head.version, head.name, head.expiresAt, head.keyId]))

const invalid = (description: string) => new InvalidOptions({ option: "encryptionKey", description })

const howToGive = "Give 32 random bytes as base64, such as `openssl rand -base64 32` prints."

const importKey = (encoded: Redacted.Redacted<string>): Effect.Effect<Key, InvalidOptions> =>
  Effect.gen(function*() {
    const text = Redacted.value(encoded).trim().replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")
    if (text === "") return yield* invalid(`it is empty. ${howToGive}`)
    if (/^[\da-f]{64}$/i.test(text)) return yield* invalid(`it is hexadecimal. ${howToGive}`)
    const decoded = yield* Either.mapLeft(
      Encoding.decodeBase64Url(text),
      () => invalid(`it is not base64url. ${howToGive}`)
    )
    if (decoded.length !== 32) return yield* invalid(`it is ${decoded.length} bytes long. ${howToGive}`)
    const bytes = new Uint8Array(decoded)
    const key = yield* Effect.promise(() =>
      crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"])
    )
    return { id: yield* keyId(bytes), key }
  })

/** By which a record says which key it needs: a digest of 48 bits, from which nothing of the key can be told. */
const keyId = (key: Uint8Array<ArrayBuffer>): Effect.Effect<string> =>
  Effect.promise(async () => {
    const labelled = new Uint8Array([...new TextEncoder().encode("effect-mcp-auth key id"), ...key])
    return Encoding.encodeBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", labelled)).slice(0, 6))
  })

/**
 * When the token of an encrypted record expires, in milliseconds since the epoch, as the record says in the clear: for
 * those who do not have its key. 0 for anything else.
 *
 * @since 0.1.0
 * @category getters
 */
export const expiresAt = (record: string): number =>
  Option.match(record.length > MAX_LENGTH ? Option.none() : Schema.decodeUnknownOption(Sealed)(record), {
    onNone: () => 0,
    onSome: ({ expiresAt }) => expiresAt
  })
