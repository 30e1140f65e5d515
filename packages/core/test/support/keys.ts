import { Effect, Redacted } from "effect"
import { exportJWK, exportPKCS8, exportSPKI, generateKeyPair, type JWK } from "jose"
import { createPrivateKey } from "node:crypto"
import type { OAuthError, SigningKey } from "../../src/index.ts"

export const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA"
] as const satisfies ReadonlyArray<SigningKey.SigningAlgorithm>

export interface Pair {
  readonly alg: SigningKey.SigningAlgorithm
  readonly pem: string
  readonly jwk: JWK
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}

/** Reports the secret parts of a secret to the leak recorder. */
const keep = (...secrets: ReadonlyArray<string | undefined>): void => {
  for (const secret of secrets) if (secret !== undefined) Redacted.make(secret)
}

const generate = async (alg: SigningKey.SigningAlgorithm): Promise<Pair> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const pem = await exportPKCS8(privateKey)
  const jwk = await exportJWK(privateKey)
  keep(...pem.split("\n").filter((line) => line.length === 64).slice(1), jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi)
  return { alg, pem, jwk, privateKey, publicKey }
}

const pairs = new Map<SigningKey.SigningAlgorithm, Promise<Pair>>()

/** A key pair for the algorithm, one per file of tests. */
export const pair = (alg: SigningKey.SigningAlgorithm): Effect.Effect<Pair> =>
  Effect.promise(() => {
    const known = pairs.get(alg) ?? generate(alg)
    pairs.set(alg, known)
    return known
  })

/** Another key pair at each call. */
export const anotherPair = (alg: SigningKey.SigningAlgorithm): Effect.Effect<Pair> =>
  Effect.promise(() => generate(alg))

const subtleParameters = (alg: SigningKey.SigningAlgorithm) => ({
  name: "ECDSA",
  hash: `SHA-${alg.slice(2)}`,
  ...(alg.startsWith("RS") ? { name: "RSASSA-PKCS1-v1_5" } : {}),
  ...(alg.startsWith("PS") ? { name: "RSA-PSS", saltLength: Number(alg.slice(2)) / 8 } : {}),
  ...(alg === "EdDSA" ? { name: "Ed25519" } : {})
})

/** A signer like a KMS: the key is elsewhere. */
export const externalSigner = ({ alg, privateKey }: Pair): SigningKey.ExternalSigner => (data) =>
  Effect.promise(async () =>
    new Uint8Array(await crypto.subtle.sign(subtleParameters(alg), privateKey, new Uint8Array(data)))
  )

/** The key in the older forms of PEM: SEC1 for EC keys, PKCS#1 for RSA keys. */
export const asPem = (type: "sec1" | "pkcs1") => ({ pem }: Pair): string => {
  const text = createPrivateKey(pem).export({ type, format: "pem" }).toString()
  keep(...text.split("\n").filter((line) => line.length === 64).slice(1))
  return text
}

const encrypted = ({ pem }: Pair): string =>
  createPrivateKey(pem)
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "canary" })
    .toString()

const pem = (alg: SigningKey.SigningAlgorithm, f: (pair: Pair) => string) =>
  Effect.map(pair(alg), (pair) => Redacted.make(f(pair)))

const jwk = (alg: SigningKey.SigningAlgorithm, f: (jwk: JWK) => JWK = (jwk) => jwk) =>
  Effect.map(pair(alg), (pair) => Redacted.make(f(pair.jwk)))

const short = Effect.promise(() =>
  crypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["sign", "verify"]
  )
)

const doesNotFit = (alg: SigningKey.SigningAlgorithm, wanted: string) =>
  `it is not a key for ${alg}, or is damaged. Give ${wanted}, or set \`signingAlgorithm\` to the algorithm of the key.`

interface WrongKey {
  readonly name: string
  readonly alg: SigningKey.SigningAlgorithm
  readonly key: Effect.Effect<SigningKey.SigningKey, OAuthError.AssertionError>
  /** The text of the error after the name of the option. */
  readonly says: string
}

const wrong = (
  name: string,
  alg: SigningKey.SigningAlgorithm,
  key: WrongKey["key"],
  says: string
): WrongKey => ({ name, alg, key, says })

/** A PEM without its first and last line. */
export const bodyOf = (pem: string): string => pem.replace(/-----.*-----/g, "").trim()

const onlyPublic = ({ d: _d, ...jwk }: JWK): JWK => jwk

/** Keys that cannot be used, each with the text of its error. */
export const wrongKeys: ReadonlyArray<WrongKey> = [
  wrong(
    "a public key as a PEM",
    "ES256",
    Effect.flatMap(
      pair("ES256"),
      ({ publicKey }) => Effect.promise(async () => Redacted.make(await exportSPKI(publicKey)))
    ),
    "the PEM is a public key. Give the private one."
  ),
  wrong(
    "an encrypted PEM",
    "ES256",
    pem("ES256", encrypted),
    "the PEM is encrypted. Decrypt it first: openssl pkcs8 -in key.pem -out plain.pem"
  ),
  wrong(
    "a public key in PKCS#1",
    "RS256",
    Effect.sync(() => Redacted.make("-----BEGIN RSA PUBLIC KEY-----\nMIICcanary\n-----END RSA PUBLIC KEY-----\n")),
    "the PEM is a public key. Give the private one."
  ),
  wrong(
    "a key of OpenSSH",
    "EdDSA",
    Effect.sync(() =>
      Redacted.make("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blcanary\n-----END OPENSSH PRIVATE KEY-----")
    ),
    "the PEM is OpenSSH's. Make it PKCS#1 or SEC1: ssh-keygen -p -m PEM -f key"
  ),
  wrong(
    "a certificate",
    "RS256",
    Effect.sync(() => Redacted.make("-----BEGIN CERTIFICATE-----\nMIICcanary\n-----END CERTIFICATE-----\n")),
    "the PEM is a certificate. Give the private key that belongs to it."
  ),
  wrong("an EC key for RS256", "RS256", pem("ES256", ({ pem }) => pem), doesNotFit("RS256", "an RSA key")),
  wrong("an EC key for PS384", "PS384", jwk("ES256"), doesNotFit("PS384", "an RSA key")),
  wrong("a P-384 key for ES256", "ES256", pem("ES384", ({ pem }) => pem), doesNotFit("ES256", "an EC key on P-256")),
  wrong("a P-384 JWK for ES256", "ES256", jwk("ES384"), doesNotFit("ES256", "an EC key on P-256")),
  wrong("a P-256 JWK for ES384", "ES384", jwk("ES256"), doesNotFit("ES384", "an EC key on P-384")),
  wrong("a P-256 PEM for ES512", "ES512", pem("ES256", ({ pem }) => pem), doesNotFit("ES512", "an EC key on P-521")),
  wrong("an RSA key for ES256", "ES256", pem("RS256", ({ pem }) => pem), doesNotFit("ES256", "an EC key on P-256")),
  wrong("an RSA JWK for EdDSA", "EdDSA", jwk("RS256"), doesNotFit("EdDSA", "an Ed25519 key")),
  wrong("an Ed25519 key for ES256", "ES256", jwk("EdDSA"), doesNotFit("ES256", "an EC key on P-256")),
  wrong(
    "a CryptoKey on P-384 for ES256",
    "ES256",
    Effect.map(pair("ES384"), ({ privateKey }) => privateKey),
    doesNotFit("ES256", "an EC key on P-256")
  ),
  wrong(
    "a CryptoKey for RS512 where RS256 is wanted",
    "RS256",
    Effect.map(pair("RS512"), ({ privateKey }) => privateKey),
    doesNotFit("RS256", "an RSA key")
  ),
  wrong(
    "a CryptoKey for PS256 where RS256 is wanted",
    "RS256",
    Effect.map(pair("PS256"), ({ privateKey }) => privateKey),
    doesNotFit("RS256", "an RSA key")
  ),
  wrong(
    "a CryptoKey that is public",
    "ES256",
    Effect.map(pair("ES256"), ({ publicKey }) => publicKey),
    "it is a public key. Give the private one."
  ),
  wrong(
    "a CryptoKey that is a secret",
    "ES256",
    Effect.promise(() => crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"])),
    "it is a secret key. Give the private one."
  ),
  wrong(
    "a CryptoKey whose usage is not signing",
    "ES256",
    Effect.promise(async () =>
      (await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"])).privateKey
    ),
    "it is not for signing. Import it with the usage `sign`."
  ),
  wrong(
    "an RSA PEM of 1024 bits",
    "RS256",
    Effect.flatMap(short, ({ privateKey }) => Effect.promise(async () => Redacted.make(await exportPKCS8(privateKey)))),
    "it has 1024 bits. Give an RSA key of at least 2048 (RFC 7518 §3.3)."
  ),
  wrong(
    "an RSA JWK of 1024 bits",
    "PS256",
    Effect.flatMap(short, ({ privateKey }) => Effect.promise(async () => Redacted.make(await exportJWK(privateKey)))),
    "it has 1024 bits. Give an RSA key of at least 2048 (RFC 7518 §3.3)."
  ),
  wrong(
    "an RSA CryptoKey of 1024 bits",
    "RS256",
    Effect.map(short, ({ privateKey }) => privateKey),
    "it has 1024 bits. Give an RSA key of at least 2048 (RFC 7518 §3.3)."
  ),
  wrong(
    "a JWK without d",
    "ES256",
    jwk("ES256", onlyPublic),
    "the JWK has no private part (`d`). Give the private key."
  ),
  wrong(
    "a symmetric JWK",
    "RS256",
    Effect.sync(() => Redacted.make({ kty: "oct", k: "Y2FuYXJ5", d: "Y2FuYXJ5" })),
    doesNotFit("RS256", "an RSA key")
  ),
  wrong(
    "a JWK whose d is damaged",
    "ES256",
    jwk("ES256", (jwk) => ({ ...jwk, d: "Y2FuYXJ5" })),
    doesNotFit("ES256", "an EC key on P-256")
  ),
  wrong(
    "a JWK of no kind",
    "ES256",
    Effect.sync(() => Redacted.make({ kty: "canary", d: "Y2FuYXJ5" })),
    doesNotFit("ES256", "an EC key on P-256")
  ),
  wrong(
    "a PEM of garbage",
    "ES256",
    Effect.sync(() => Redacted.make("-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n")),
    doesNotFit("ES256", "an EC key on P-256")
  ),
  wrong(
    "a PEM that is cut",
    "ES256",
    pem("ES256", ({ pem }) => pem.slice(0, 100)),
    doesNotFit("ES256", "an EC key on P-256")
  ),
  wrong(
    "a text that is not a key",
    "ES256",
    Effect.sync(() => Redacted.make("canary, and no key")),
    "it is not a PEM. Give a PEM, which begins with -----BEGIN PRIVATE KEY-----, or a private JWK."
  ),
  ...([
    [
      "a damaged JWK as text",
      " {\"kty\":\"EC\",\"d\":\"canary\"",
      "it begins like the JSON of a JWK, and is not valid JSON. " +
      "Check that it is whole."
    ],
    [
      "a JWK set as text",
      "{\"keys\":[{\"kty\":\"EC\",\"d\":\"canary\"}]}",
      "it is a JWK set. Give the one private key of it " +
      "that signs."
    ],
    [
      "the file of a service account",
      "{\"type\":\"service_account\",\"private_key\":\"canary\"}",
      "it is the file of a " +
      "service account. Give its `private_key`."
    ],
    [
      "a public JWK as text",
      "{\"kty\":\"EC\",\"x\":\"canary\"}",
      "the JWK has no private part (`d`). Give the private key."
    ],
    ["a path", "/etc/keys/canary.pem", "it looks like a path. Give what the file contains: `Secret.file` reads it."],
    [
      "a path of Windows",
      "C:\\keys\\canary.pem",
      "it looks like a path. Give what the file contains: `Secret.file` reads it."
    ],
    ["a public key of SSH", "ssh-ed25519 AAAAcanary me@example.com", "it is a public key. Give the private one."],
    [
      "a certificate request",
      "-----BEGIN CERTIFICATE REQUEST-----\nMIICcanary\n-----END CERTIFICATE REQUEST-----",
      "the PEM is a certificate request. Give the private key that belongs to it."
    ],
    [
      "a curve alone",
      "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----",
      "the PEM has only the parameters of a curve. Give the block EC PRIVATE KEY that follows them."
    ],
    [
      "a block of another kind",
      "-----BEGIN PGP MESSAGE-----\nMIICcanary\n-----END PGP MESSAGE-----",
      "the PEM has no private key. Give one that begins with -----BEGIN PRIVATE KEY-----"
    ],
    [
      "an encrypted key of PKCS#1",
      "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n" +
      "MIICcanary\n-----END RSA PRIVATE KEY-----",
      "the PEM is encrypted. Decrypt it first: openssl pkcs8 -in key.pem -out " +
      "plain.pem"
    ]
  ] as const).map(([name, text, says]) => wrong(name, "ES256", Effect.sync(() => Redacted.make(text)), says)),
  wrong(
    "an RSA key of PKCS#1 for ES256",
    "ES256",
    pem("RS256", asPem("pkcs1")),
    doesNotFit("ES256", "an EC key on P-256")
  ),
  wrong("an EC key of SEC1 for RS256", "RS256", pem("ES256", asPem("sec1")), doesNotFit("RS256", "an RSA key")),
  wrong(
    "an EC key of SEC1 on another curve",
    "ES256",
    pem("ES384", asPem("sec1")),
    doesNotFit("ES256", "an EC key on P-256")
  ),
  wrong(
    "a PEM with two private keys",
    "ES256",
    pem("ES256", ({ pem }) => `${pem}${pem.replace(/[a-f]/g, "A")}`),
    "the text has 2 private keys. Give the one that signs."
  ),
  wrong(
    "the base64 of a public key",
    "ES256",
    Effect.flatMap(
      pair("ES256"),
      ({ publicKey }) => Effect.promise(async () => Redacted.make(bodyOf(await exportSPKI(publicKey))))
    ),
    "it is a public key. Give the private one."
  ),
  wrong(
    "the base64 of an encrypted key",
    "ES256",
    pem("ES256", (pair) => bodyOf(encrypted(pair))),
    "the PEM is encrypted. Decrypt it first: openssl pkcs8 -in key.pem -out plain.pem"
  ),
  wrong(
    "nothing",
    "ES256",
    Effect.sync(() => Redacted.make("")),
    "it is not a PEM. Give a PEM, which begins with -----BEGIN PRIVATE KEY-----, or a private JWK."
  )
]
