/** An element of DER (X.690 §8.1): its tag, and where its content begins and ends. */
interface Element {
  readonly tag: number
  /** Where the element begins. */
  readonly offset: number
  readonly start: number
  readonly end: number
}

const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const OID = 0x06
const SEQUENCE = 0x30
/** `[0]`, constructed. */
const CONTEXT_0 = 0xa0

/** The element at an offset; `undefined` if there is none, or if it goes beyond the end. */
const elementAt = (bytes: Uint8Array, offset: number): Element | undefined => {
  const [tag, first] = bytes.subarray(offset)
  if (tag === undefined || first === undefined) return undefined
  const count = first < 0x80 ? 0 : first - 0x80
  // A key is shorter than 2^24 bytes. The indefinite form (0x80) is not DER.
  if (first === 0x80 || count > 3) return undefined
  const start = offset + 2 + count
  const length = count === 0 ? first : bytes.subarray(offset + 2, start).reduce((sum, byte) => sum * 256 + byte, 0)
  return start + length > bytes.length ? undefined : { tag, offset, start, end: start + length }
}

/** The elements in the sequence that the bytes are; empty if they are none. */
const elementsOf = (bytes: Uint8Array): ReadonlyArray<Element> => {
  const sequence = elementAt(bytes, 0)
  if (sequence?.tag !== SEQUENCE) return []
  const elements: Array<Element> = []
  for (let offset = sequence.start; offset < sequence.end;) {
    const element = elementAt(bytes, offset)
    if (element === undefined || elements.length > 16) return elements
    elements.push(element)
    offset = element.end
  }
  return elements
}

/**
 * The content of a DER text, judged by the first elements of its sequence: a private key in PKCS#8 (RFC 5208 §5), PKCS#1
 * (RFC 8017 appendix A.1.2) or SEC1 (RFC 5915 §3), an encrypted private key (RFC 5208 §6), a public key (RFC 5280
 * §4.1), or a certificate.
 *
 * @internal
 */
export type Kind = "PKCS#8" | "PKCS#1" | "SEC1" | "encrypted" | "public" | "certificate"

/** @internal */
export const kindOf = (der: Uint8Array): Kind | undefined => {
  const [first, second, third] = elementsOf(der).map(({ tag }) => tag)
  if (first === INTEGER) {
    if (second === SEQUENCE) return "PKCS#8"
    // An RSA public key in PKCS#1 has two integers, a private key has nine.
    if (second === INTEGER) return third === INTEGER ? "PKCS#1" : "public"
    return second === OCTET_STRING ? "SEC1" : undefined
  }
  if (first !== SEQUENCE) return undefined
  return second === OCTET_STRING ? "encrypted" : second === BIT_STRING ? "public" : "certificate"
}

const encode = (tag: number, ...contents: ReadonlyArray<Uint8Array>): Uint8Array => {
  const length = contents.reduce((sum, { byteLength }) => sum + byteLength, 0)
  const digits: Array<number> = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256)
  const header = length < 0x80 ? [tag, length] : [tag, 0x80 + digits.length, ...digits]
  const result = new Uint8Array(header.length + length)
  result.set(header)
  let offset = header.length
  for (const content of contents) {
    result.set(content, offset)
    offset += content.byteLength
  }
  return result
}

const oid = (...bytes: ReadonlyArray<number>): Uint8Array => encode(OID, new Uint8Array(bytes))

/** 1.2.840.113549.1.1.1 (RFC 8017 appendix C), with NULL as its parameters. */
const rsa = encode(
  SEQUENCE,
  oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01),
  new Uint8Array([0x05, 0x00])
)

/** 1.2.840.10045.2.1 (RFC 5480 §2.1.1). */
const ecPublicKey = oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01)

/** The curves of RFC 5480 §2.1.1.1 by their WebCrypto names. */
const curves: ReadonlyMap<string, Uint8Array> = new Map([
  ["P-256", oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07)],
  ["P-384", oid(0x2b, 0x81, 0x04, 0x00, 0x22)],
  ["P-521", oid(0x2b, 0x81, 0x04, 0x00, 0x23)]
])

/** RFC 5208 §5. */
const pkcs8 = (algorithm: Uint8Array, key: Uint8Array): Uint8Array =>
  encode(SEQUENCE, encode(INTEGER, new Uint8Array([0])), algorithm, encode(OCTET_STRING, key))

/**
 * An RSA key of PKCS#1 in PKCS#8.
 *
 * @internal
 */
export const fromPkcs1 = (der: Uint8Array): Uint8Array => pkcs8(rsa, der)

/**
 * An EC key of SEC1 in PKCS#8; `undefined` if neither the key nor the caller names the curve.
 *
 * @param curve the curve of a key that does not name its own, which is optional (RFC 5915 §3)
 *
 * @internal
 */
export const fromSec1 = (der: Uint8Array, curve: string | undefined): Uint8Array | undefined => {
  const parameters = elementsOf(der).find(({ tag }) => tag === CONTEXT_0)
  const own = parameters === undefined ? undefined : der.subarray(parameters.start, parameters.end)
  const name = own?.[0] === OID ? own : curve === undefined ? undefined : curves.get(curve)
  return name === undefined ? undefined : pkcs8(encode(SEQUENCE, ecPublicKey, name), der)
}
