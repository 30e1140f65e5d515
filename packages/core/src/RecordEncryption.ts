/**
 * The encryption of tokens and discovery records in storages outside the process. The stored form is one line of text
 * with a version, encrypted and authenticated (AES-256-GCM), or in plaintext for storages whose name says so.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { AccessToken } from "./AccessToken.ts"
import * as Base64Url from "./internal/text/base64Url.ts"
import * as TextOption from "./authoring/TextOption.ts"
import { DiscoveryRecord, usefulUntil, withoutDocuments } from "./DiscoveryRecord.ts"
import { InvalidOptions, TokenStorageError } from "./OAuthError.ts"

/**
 * Turns tokens into records and back.
 *
 * @since 0.1.0
 * @category models
 */
export interface Codec {
  /** The record of the token, bound to the name that it will be stored under. */
  readonly seal: (name: string, token: AccessToken) => Effect.Effect<string, TokenStorageError>
  /**
   * The token of the record that was found under the name. Fails with a `TokenStorageError` of reason `Damaged`,
   * `UnknownVersion`, `UnknownKey` or, if the record is bound to another name, `Foreign`.
   */
  readonly open: (name: string, record: string) => Effect.Effect<AccessToken, TokenStorageError>
  /**
   * The codec for discovery records, which have a name of their own.
   *
   * @default a storage with this codec keeps tokens only
   */
  readonly discovery?: DiscoveryCodec | undefined
}

/**
 * Turns a `DiscoveryRecord` into text and back. Fails as `Codec` does.
 *
 * @since 0.1.0
 * @category models
 */
export interface DiscoveryCodec {
  /** The text for the storage, bound to the name that it will be stored under. */
  readonly seal: (name: string, found: DiscoveryRecord) => Effect.Effect<string, TokenStorageError>
  /** The discovery record, from the text that was found under the name. */
  readonly open: (name: string, record: string) => Effect.Effect<DiscoveryRecord, TokenStorageError>
}

/**
 * The options of every storage that encrypts.
 *
 * @since 0.1.0
 * @category models
 */
export interface EncryptionOptions {
  /**
   * The key of AES-256-GCM: 32 random bytes as base64 or base64url, for example from `openssl rand -base64 32`.
   *
   * Of several keys, the first encrypts and all decrypt. To rotate the key, put the new key in front, and remove the
   * old key when its last token has expired.
   */
  readonly encryptionKey: Redacted.Redacted<string> | ReadonlyArray<Redacted.Redacted<string>>
}

const VERSION = 1

/** The longest text that is decoded, in characters. Records are far shorter. */
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

const PlainDiscovery = Schema.parseJson(Schema.Struct({
  version: Schema.Literal(VERSION),
  name: Schema.String,
  discovery: DiscoveryRecord
}))

const Content = Schema.parseJson(AccessToken)
const DiscoveryContent = Schema.parseJson(DiscoveryRecord)

/** The error has no cause, because the cause would contain the record. */
const unreadable = (reason: TokenStorageError["reason"], description: string) =>
  new TokenStorageError({ operation: "get", reason, description })

/** The errors of a record that cannot be used. Each says when the record is replaced. */
interface Unreadable {
  readonly damaged: TokenStorageError
  readonly foreign: TokenStorageError
  readonly isEncrypted: TokenStorageError
  readonly unknownKey: TokenStorageError
  readonly unknownVersion: (version: number) => TokenStorageError
}

/** @param next what replaces a record that cannot be read */
const makeUnreadable = (next: "token" | "discovery", untilWhen: string): Unreadable => {
  const replaced = `The next ${next} replaces it.`
  return {
    damaged: unreadable("Damaged", `the record is damaged, or it is not a record. ${replaced}`),
    foreign: unreadable(
      "Foreign",
      `the record belongs to another client, server or scope, and was not used. ${replaced}`
    ),
    isEncrypted: unreadable(
      "UnknownKey",
      `the record is encrypted, and this storage reads plaintext. ${untilWhen} Use the storage whose name does not ` +
        "end in `Plaintext`, or store these tokens in another place."
    ),
    unknownKey: unreadable(
      "UnknownKey",
      `the record was encrypted with a key that is not in \`encryptionKey\`. ${untilWhen} ` +
        "Add the key of the record to `encryptionKey`, after the key for new records."
    ),
    unknownVersion: (version) =>
      unreadable(
        "UnknownVersion",
        `the record has version ${version}, and this program reads version ${VERSION}. ${replaced}`
      )
  }
}

const unreadableToken = makeUnreadable("token", "The record stays until its token has expired.")

const unreadableDiscovery = makeUnreadable("discovery", "The next discovery replaces it.")

const checkVersion = (record: string, because: Unreadable): Either.Either<void, TokenStorageError> => {
  const head = record.length > MAX_LENGTH ? Option.none() : Schema.decodeUnknownOption(Head)(record)
  if (Option.isNone(head)) return Either.left(because.damaged)
  return head.value.version === VERSION ? Either.void : Either.left(because.unknownVersion(head.value.version))
}

/** Opens a record in plaintext. */
const openPlain = <A extends { readonly name: string }, I>(
  schema: Schema.Schema<A, I>,
  name: string,
  record: string,
  because: Unreadable
): Either.Either<A, TokenStorageError> =>
  Either.gen(function*() {
    yield* checkVersion(record, because)
    if (Option.isSome(Schema.decodeUnknownOption(Sealed)(record))) return yield* Either.left(because.isEncrypted)
    const found = yield* Either.fromOption(Schema.decodeUnknownOption(schema)(record), () => because.damaged)
    return found.name === name ? found : yield* Either.left(because.foreign)
  })

/**
 * Records without encryption: everybody who can read a record can use its token. Storages that use this codec have
 * `Plaintext` in their name.
 *
 * A discovery record in plaintext holds the chosen issuer only. Otherwise anyone who can write to the place could name
 * the token endpoint that secrets are sent to.
 *
 * @since 0.1.0
 * @category constructors
 */
export const plaintext: Codec = {
  seal: (name, token) => encode(Plain, { version: VERSION, name, token }),
  open: (name, record) => Either.map(openPlain(Plain, name, record, unreadableToken), ({ token }) => token),
  discovery: {
    seal: (name, found) => encode(PlainDiscovery, { version: VERSION, name, discovery: withoutDocuments(found) }),
    open: (name, record) =>
      Either.map(
        openPlain(PlainDiscovery, name, record, unreadableDiscovery),
        ({ discovery }) => withoutDocuments(discovery)
      )
  }
}

/**
 * A value as the text of its record. A program without types can give a value that has no such text. The error has no
 * cause, because the cause would contain the value.
 */
const encode = <A, I>(schema: Schema.Schema<A, I>, value: NoInfer<A>): Effect.Effect<I, TokenStorageError> =>
  Effect.mapError(Schema.encode(schema)(value), () =>
    new TokenStorageError({
      operation: "set",
      reason: "Damaged",
      description: "a field has a value of another type, so that no record can hold it. Check what made or changed it."
    }))

type Key = { readonly id: string; readonly key: CryptoKey }

/**
 * Records encrypted with AES-256-GCM, each with a new random nonce. The name, the version, the expiry and the id of the
 * key are authenticated with the record (additional authenticated data, NIST SP 800-38D), so that a record cannot be
 * used in the place of another.
 *
 * Fails with `InvalidOptions` if a key is not 32 bytes long, or if there is no key.
 *
 * @example
 * ```ts
 * import { RecordEncryption } from "@effect-mcp-auth/core"
 * import { Redacted } from "effect"
 *
 * export const codec = RecordEncryption.encrypted({
 *   encryptionKey: [Redacted.make("..."), Redacted.make("...")] // the new key, and the one before
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const encrypted = (options: EncryptionOptions): Effect.Effect<Codec, InvalidOptions> =>
  Effect.gen(function*() {
    yield* TextOption.checkOptions(options)
    const keys = yield* Effect.forEach([options.encryptionKey].flat(), importKey)
    const [newest] = keys
    if (newest === undefined) return yield* invalid("it is empty. Give at least one key.")

    /** `expiresAt`: in milliseconds since the epoch. */
    const seal = (name: string, expiresAt: number, content: string) =>
      Effect.gen(function*() {
        const head = { version: VERSION, name, expiresAt, keyId: newest.id } as const
        const iv = crypto.getRandomValues(new Uint8Array(12))
        const plain = new TextEncoder().encode(content)
        const ciphertext = yield* Effect.promise(() =>
          crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: authenticated(head) }, newest.key, plain)
        )
        return yield* encode(Sealed, { ...head, iv, ciphertext: new Uint8Array(ciphertext) })
      })

    const open = (name: string, record: string, because: Unreadable) =>
      Effect.gen(function*() {
        yield* checkVersion(record, because)
        const sealed = yield* Effect.mapError(Schema.decodeUnknownOption(Sealed)(record), () => because.damaged)
        if (sealed.name !== name) return yield* because.foreign
        const key = keys.find(({ id }) => id === sealed.keyId)
        if (key === undefined) return yield* because.unknownKey
        const content = yield* Effect.tryPromise({
          try: () =>
            crypto.subtle.decrypt(
              { name: "AES-GCM", iv: new Uint8Array(sealed.iv), additionalData: authenticated(sealed) },
              key.key,
              new Uint8Array(sealed.ciphertext)
            ),
          catch: () => because.damaged
        })
        return new TextDecoder().decode(content)
      })

    return {
      seal: (name, token) => Effect.flatMap(encode(Content, token), (content) => seal(name, token.expiresAt, content)),
      open: (name, record) => Effect.flatMap(open(name, record, unreadableToken), decode(Content, unreadableToken)),
      discovery: {
        seal: (name, found) =>
          Effect.flatMap(encode(DiscoveryContent, found), (content) => seal(name, usefulUntil(found), content)),
        open: (name, record) =>
          Effect.flatMap(open(name, record, unreadableDiscovery), decode(DiscoveryContent, unreadableDiscovery))
      }
    }
  })

const decode = <A, I>(schema: Schema.Schema<A, I>, { damaged }: Unreadable) => (content: string) =>
  Effect.mapError(Schema.decodeUnknownOption(schema)(content), () => damaged)

const authenticated = (
  head: { readonly version: number; readonly name: string; readonly expiresAt: number; readonly keyId: string }
): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify([head.version, head.name, head.expiresAt, head.keyId]))

const invalid = (description: string) => new InvalidOptions({ option: "encryptionKey", description })

const howToGive = "Give 32 random bytes as base64, for example from `openssl rand -base64 32`."

const importKey = (encoded: Redacted.Redacted<string>): Effect.Effect<Key, InvalidOptions> =>
  Effect.gen(function*() {
    const fault = TextOption.faultOfWrapping(encoded)
    if (fault !== undefined) return yield* invalid(fault)
    const withoutLineBreaks = Redacted.value(encoded).trim().replaceAll(/[\r\n]/g, "")
    const text = withoutLineBreaks.replaceAll("+", "-").replaceAll("/", "_").replace(/={1,2}$/, "")
    if (text === "") return yield* invalid(`it is empty. ${howToGive}`)
    if (/^[\da-f]{64}$/i.test(text)) return yield* invalid(`it is hexadecimal. ${howToGive}`)
    const decoded = yield* Either.fromOption(
      Base64Url.decode(text),
      () => invalid(`it is not base64url. ${howToGive}`)
    )
    if (decoded.length !== 32) return yield* invalid(`it is ${decoded.length} bytes long. ${howToGive}`)
    const bytes = new Uint8Array(decoded)
    const key = yield* Effect.promise(() =>
      crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"])
    )
    return { id: yield* keyId(bytes), key }
  })

/** The name of the key in a record: 48 bits of a digest, from which nobody can compute the key. */
const keyId = (key: Uint8Array<ArrayBuffer>): Effect.Effect<string> =>
  Effect.promise(async () => {
    const labelled = new Uint8Array([...new TextEncoder().encode("effect-mcp-auth key id"), ...key])
    return Encoding.encodeBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", labelled)).slice(0, 6))
  })

/**
 * When the token of an encrypted record expires, in milliseconds since the epoch. The record says so in the clear, for
 * processes without its key. 0 for a text that is not an encrypted record.
 *
 * @internal
 */
export const expiresAt = (record: string): number =>
  Option.match(record.length > MAX_LENGTH ? Option.none() : Schema.decodeUnknownOption(Sealed)(record), {
    onNone: () => 0,
    onSome: ({ expiresAt }) => expiresAt
  })
