import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { JWK } from "jose"
import * as Base64Url from "../text/base64Url.ts"
import { adviceOn } from "../../authoring/TextOption.ts"
import { InvalidOptions } from "../../OAuthError.ts"
import { algorithms, type ExternalSigner, type SigningAlgorithm, type SigningKey } from "../../SigningKey.ts"
import * as Der from "./der.ts"

/** @internal */
export const invalid = (description: string): InvalidOptions =>
  new InvalidOptions({ option: "signingKey", description })

/** @internal */
export const doesNotFit = (alg: SigningAlgorithm): InvalidOptions =>
  invalid(
    `it is not a key for ${alg}, or is damaged. Give ${
      algorithms[alg].keyName
    }, or set \`signingAlgorithm\` to the algorithm of the key.`
  )

const isCryptoKey = (key: unknown): key is CryptoKey =>
  typeof key === "object" && key !== null && "algorithm" in key && "usages" in key && Array.isArray(key.usages)

const isSigner = (key: unknown): key is ExternalSigner => typeof key === "function"

type Read = Either.Either<SigningKey, InvalidOptions>

/**
 * The key in one of four forms: a PEM of PKCS#8 without anything around it, a JWK, a `CryptoKey`, or a signer. Options
 * may come from JavaScript, from a variable that is not set, or from a store that changes the line breaks of a PEM.
 *
 * @internal
 */
export const readKey = (key: unknown, alg: SigningAlgorithm): Effect.Effect<SigningKey, InvalidOptions> =>
  Effect.suspend(() => read(key, alg))

const read = (key: unknown, alg: SigningAlgorithm): Read => {
  if (isSigner(key) || isCryptoKey(key)) return Either.right(key)
  if (typeof key === "string") return Either.left(invalid("it is a plain string. Wrap it in `Redacted.make`."))
  const content = Redacted.isRedacted(key) ? Either.try(() => Redacted.value(key)) : Either.right(undefined)
  const value: unknown = Either.getOrUndefined(content)
  if (typeof value === "string") return readText(value, alg, MAX_WRAPPINGS)
  return Redacted.isRedacted(key) && Predicate.isRecord(value) ? readObject(value) : Either.left(notAKey(key, value))
}

const notAKey = (key: unknown, value: unknown): InvalidOptions =>
  invalid(
    Predicate.isNullable(key) || (Redacted.isRedacted(key) && Predicate.isNullable(value))
      ? `it is not a key, but ${String(value)}. ${adviceOn(value)}`
      : "it is not a key. Give a PEM or a private JWK in `Redacted`, a `CryptoKey`, or a function that signs. A " +
        "`KeyObject` of Node.js is exported first: key.export({ type: \"pkcs8\", format: \"pem\" })"
  )

const isJwk = Schema.is(Schema.Struct({ kty: Schema.String }))

const readObject = (value: Readonly<Record<string, unknown>>): Read => {
  if (isJwk(value)) {
    const jwk: JWK = value
    return jwk.d === undefined
      ? Either.left(invalid("the JWK has no private part (`d`). Give the private key."))
      : Either.right(Redacted.make(jwk))
  }
  const what = Array.isArray(value["keys"])
    ? "it is a JWK set. Give the one private key of it that signs."
    : typeof value["private_key"] === "string"
    ? "it is the file of a service account. Give its `private_key`."
    : "privateKey" in value
    ? "it is a key pair. Give its `privateKey`."
    : undefined
  return Either.left(what === undefined ? notAKey(value, value) : invalid(what))
}

/** How many wrappings of a text are opened: quotes, a JSON string, base64. */
const MAX_WRAPPINGS = 4

const readText = (text: string, alg: SigningAlgorithm, wrappings: number): Read => {
  // `trim` takes off a byte order mark as well.
  const trimmed = text.trim()
  const unwrapped = wrappings === 0 ? undefined : unquoted(trimmed)
  if (unwrapped !== undefined) return readText(unwrapped, alg, wrappings - 1)
  if (trimmed.startsWith("{")) return readJson(trimmed)
  if (trimmed.includes("-----BEGIN")) return readPem(trimmed, alg)
  const bytes = Option.getOrUndefined(decodeBase64(trimmed))
  if (bytes === undefined || wrappings === 0) return Either.left(notPem(trimmed))
  // Variables of CI systems often hold the base64 of a file, or a PEM without its first and last line.
  const decoded = new TextDecoder().decode(bytes)
  return decoded.includes("-----BEGIN") || decoded.trimStart().startsWith("{")
    ? readText(decoded, alg, wrappings - 1)
    : Der.kindOf(bytes) === undefined
    ? Either.left(notPem(trimmed))
    : readDer(bytes, alg)
}

const parseJson = Schema.decodeUnknownOption(Schema.parseJson())

/** The text in quotes, as in a JSON string or in an `.env` file. */
const unquoted = (text: string): string | undefined => {
  const [first = ""] = text
  if (text.length < 2 || !"\"'`".includes(first) || !text.endsWith(first)) return undefined
  const parsed = first === "\"" ? Option.getOrUndefined(parseJson(text)) : undefined
  return typeof parsed === "string" ? parsed : text.slice(1, -1)
}

const readJson = (text: string): Read => {
  const value = Option.getOrUndefined(Option.orElse(parseJson(text), () => parseJson(text.replaceAll("\\\"", "\""))))
  return Predicate.isRecord(value)
    ? readObject(value)
    : Either.left(invalid("it begins like the JSON of a JWK, and is not valid JSON. Check that it is whole."))
}

/** Line breaks and tabs that are written out, however often they were escaped. */
const escaped = /\\{1,8}(?:[rnt]|u000[9adAD])/g

const header = /-----BEGIN ([A-Z0-9\s]+)-----/g

const privateLabels: ReadonlySet<string> = new Set(["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"])

/** A block of a PEM text: its label, and the text from its first to its last line. */
interface Block {
  readonly label: string
  readonly body: string
}

/** A text may contain certificates, attributes and the parameters of a curve besides the key. */
const blocksOf = (text: string): ReadonlyArray<Block> => {
  const plain = text.replace(escaped, "\n")
  return [...plain.matchAll(header)].map((match) => {
    const start = match.index + match[0].length
    const end = plain.indexOf("-----", start)
    return { label: (match[1] ?? "").replace(/\s+/g, " ").trim(), body: plain.slice(start, end < 0 ? undefined : end) }
  })
}

const readPem = (text: string, alg: SigningAlgorithm): Read => {
  const blocks = blocksOf(text)
  const keys = blocks.filter(({ label }) => privateLabels.has(label))
  if (keys.length === 0) return Either.left(withoutKey(blocks))
  // RFC 1421 §4.6: the header of an encrypted block.
  if (keys.some(({ body }) => /(?:Proc-Type|DEK-Info):/.test(body))) return Either.left(invalid(isEncrypted))
  const bodies = new Set(keys.map(({ body }) => body.replace(filling, "")))
  const [body = ""] = bodies
  return bodies.size > 1
    ? Either.left(invalid(`the text has ${bodies.size} private keys. Give the one that signs.`))
    : Option.match(decodeBase64(body), { onNone: () => Either.left(doesNotFit(alg)), onSome: (_) => readDer(_, alg) })
}

const isEncrypted = "the PEM is encrypted. Decrypt it first: openssl pkcs8 -in key.pem -out plain.pem"

const isPublic = "is a public key. Give the private one."
const isCertificate = "is a certificate. Give the private key that belongs to it."

/** The structure decides, because labels are often wrong. */
const readDer = (der: Uint8Array, alg: SigningAlgorithm): Read => {
  switch (Der.kindOf(der)) {
    case "PKCS#1":
      return toPem(Der.fromPkcs1(der), alg)
    case "SEC1":
      return toPem(Der.fromSec1(der, algorithms[alg].importParameters.namedCurve), alg)
    case "encrypted":
      return Either.left(invalid(isEncrypted))
    case "public":
      return Either.left(invalid(`it ${isPublic}`))
    case "certificate":
      return Either.left(invalid(`it ${isCertificate}`))
    case "PKCS#8":
    case undefined:
      return toPem(der, alg)
  }
}

const toPem = (pkcs8: Uint8Array | undefined, alg: SigningAlgorithm): Read =>
  pkcs8 === undefined ? Either.left(doesNotFit(alg)) : Either.right(
    Redacted.make(`-----BEGIN PRIVATE KEY-----\n${Encoding.encodeBase64(pkcs8)}\n-----END PRIVATE KEY-----\n`)
  )

/** The characters between those of base64: white space, and what is left of quotes, lists and continued lines. */
const filling = /[\s\u200b\\"'`,]+/g

const base64 = /^[\w+/-]+={0,2}$/

const decodeBase64 = (text: string): Option.Option<Uint8Array> => {
  const compact = text.replace(filling, "")
  return base64.test(compact)
    ? Base64Url.decode(compact.replace(/={1,2}$/, "").replaceAll("+", "-").replaceAll("/", "_"))
    : Option.none()
}

/**
 * Labels of other blocks, and what to do about each. A function, since bundlers leave an unused one out of programs that
 * sign nothing.
 */
const otherLabels = (): ReadonlyArray<readonly [label: string, description: string]> => [
  ["ENCRYPTED PRIVATE KEY", isEncrypted],
  [
    "OPENSSH PRIVATE KEY",
    "the PEM is OpenSSH's. Make it PKCS#1 or SEC1: ssh-keygen -p -m PEM -f key"
  ],
  ["PUBLIC KEY", `the PEM ${isPublic}`],
  ["RSA PUBLIC KEY", `the PEM ${isPublic}`],
  ["CERTIFICATE", `the PEM ${isCertificate}`],
  ["TRUSTED CERTIFICATE", `the PEM ${isCertificate}`],
  ["CERTIFICATE REQUEST", "the PEM is a certificate request. Give the private key that belongs to it."],
  ["EC PARAMETERS", "the PEM has only the parameters of a curve. Give the block EC PRIVATE KEY that follows them."]
]

const withoutKey = (blocks: ReadonlyArray<Block>): InvalidOptions => {
  const other = otherLabels().find(([name]) => blocks.some(({ label }) => label === name))
  return invalid(other?.[1] ?? "the PEM has no private key. Give one that begins with -----BEGIN PRIVATE KEY-----")
}

const notPem = (text: string): InvalidOptions =>
  invalid(
    /^(?:ssh|ecdsa)-\S+ /.test(text)
      ? `it ${isPublic}`
      : /^(?:file:|~?\/|\.{1,2}\/|[A-Za-z]:\\)\S*$/.test(text)
      ? "it looks like a path. Give what the file contains: `Secret.file` reads it."
      : "it is not a PEM. Give a PEM, which begins with -----BEGIN PRIVATE KEY-----, or a private JWK."
  )
