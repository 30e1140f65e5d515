import type { AssertionRequest } from "@effect-mcp-auth/core/Assertion"
import * as SignedAssertion from "@effect-mcp-auth/core/SignedAssertion"
import type { SigningAlgorithm } from "@effect-mcp-auth/core/SigningKey"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createPrivateKey } from "node:crypto"
import { run } from "../support.ts"
import type { Target } from "../Target.ts"
import { holds } from "../Target.ts"

/** The key of RFC 7515 appendix A.3, which signs nothing of value. */
const jwk = {
  kty: "EC",
  crv: "P-256",
  x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
  y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
  d: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X5fCE9-E9LI"
}
const key = createPrivateKey({ key: jwk, format: "jwk" })
const pem = key.export({ type: "pkcs8", format: "pem" }).toString()
const sec1 = key.export({ type: "sec1", format: "pem" }).toString()
const der = key.export({ type: "pkcs8", format: "der" }).toString("latin1")

/** The key of RFC 8037 appendix A.1. */
const ed25519 = {
  kty: "OKP",
  crv: "Ed25519",
  d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
}

const certificate = "-----BEGIN CERTIFICATE-----\nMIIBAjCB\n-----END CERTIFICATE-----\n"

const algorithms: ReadonlyArray<SigningAlgorithm> = ["ES256", "RS256", "EdDSA", "ES384", "PS256"]

/** The parts of a text that could be of a key: 16 letters and digits of base64 in a row. */
const partsOf = (text: string): ReadonlyArray<string> =>
  (text.match(/[\w+/-]{16,}/g) ?? []).filter((part) => !/^-*(?:BEGIN|END)|^-+$|^[A-Za-z]+$/.test(part)).slice(0, 50)

export const signingKey: Target = {
  name: "signing-key",
  input: "the number of an algorithm, and from the next line on a private key: PEM, JWK, or DER after `der:`",
  seeds: [
    `0\n${pem}`,
    `0\n${sec1}`,
    `0\n${certificate}${sec1}`,
    `0\n${JSON.stringify(pem)}`,
    `0\n${pem.replaceAll("\n", "\\n")}`,
    `0\n${Buffer.from(pem).toString("base64")}`,
    `0\n${JSON.stringify(jwk)}`,
    `2\n${JSON.stringify(ed25519)}`,
    `1\n${JSON.stringify({ keys: [jwk] })}`,
    `0\nder:${der}`,
    `1\nder:\x30\x0a\x02\x01\x00\x02\x01\x01\x02\x01\x01`,
    `0\n-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----`,
    `0\nfile:/etc/key.pem`,
    `0\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI canary`
  ],
  dictionary: [
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----BEGIN EC PARAMETERS-----",
    "Proc-Type: 4,ENCRYPTED",
    "\\n",
    "\x30\x82\x01\x00",
    "\x30\x80",
    "\x02\x01\x00",
    "\xa0\x0a",
    "\"d\":",
    "\"kty\":\"RSA\""
  ],
  run: async (input) => {
    const [first = "", ...rest] = input.split("\n")
    const text = rest.join("\n")
    const alg = algorithms[Number.parseInt(first, 10)] ?? "ES256"
    const written = text.startsWith("der:") ? Buffer.from(text.slice(4), "latin1").toString("base64") : text
    const made = await run(
      SignedAssertion.make({ issuer: "client", signingKey: Redacted.make(written), signingAlgorithm: alg }),
      partsOf(written)
    )
    if (made === undefined) return
    const assertion = await run(made(request))
    holds(
      assertion === undefined || Redacted.value(assertion).split(".").length === 3,
      "an assertion has not three parts"
    )
  }
}

const request: AssertionRequest = {
  audience: "https://auth.example.com",
  issuer: "https://auth.example.com",
  tokenEndpoint: "https://auth.example.com/token",
  resource: "https://mcp.example.com",
  scopes: [],
  refused: []
}

/** The header `x5t` of an assertion with this thumbprint; `undefined` if the thumbprint is refused. */
const headerWith = async (x5t: string): Promise<string | undefined> => {
  const assertion = await run(
    Effect.flatMap(
      SignedAssertion.make({
        issuer: "client",
        signingKey: () => Effect.succeed(new Uint8Array(64)),
        signingAlgorithm: "ES256",
        x5t
      }),
      (source) => source(request)
    )
  )
  if (assertion === undefined) return undefined
  const header: { readonly x5t?: string } = JSON.parse(
    Buffer.from(Redacted.value(assertion).split(".")[0] ?? "", "base64url").toString()
  )
  return header.x5t ?? ""
}

export const thumbprint: Target = {
  name: "thumbprint",
  input: "the thumbprint of a certificate, in base64url, base64 or hex",
  seeds: [
    "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01",
    "abcdef0123456789abcdef0123456789abcdef01",
    "SHA1 Fingerprint=AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01",
    "q83vASNFZ4mrze8BI0VniavN7wE",
    "q83vASNFZ4mrze8BI0VniavN7wE=",
    "\u200eabcdef0123456789abcdef0123456789abcdef01",
    "A".repeat(43)
  ],
  run: async (input) => {
    const x5t = await headerWith(input)
    if (x5t === undefined) return
    holds(/^[\w-]{27}$/.test(x5t), "a thumbprint has not 20 bytes of base64url")
    holds(await headerWith(x5t) === x5t, "reading a thumbprint again changes it")
  }
}
