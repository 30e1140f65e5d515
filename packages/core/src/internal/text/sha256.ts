/** FIPS 180-4 §4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const constants = new Uint32Array(64)
/** §5.3.3: the same bits of the square roots of the first 8 primes. */
const initial = new Uint32Array(8)

const fraction = (x: number): number => (x - Math.floor(x)) * 2 ** 32

for (let candidate = 2, count = 0; count < 64; candidate++) {
  let isPrime = true
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) isPrime &&= candidate % divisor !== 0
  if (!isPrime) continue
  if (count < 8) initial[count] = fraction(Math.sqrt(candidate))
  constants[count++] = fraction(Math.cbrt(candidate))
}

const rotate = (x: number, by: number): number => (x >>> by) | (x << (32 - by))

/** §5.1.1: appends a one, zeros, and the length in bits, up to a multiple of 64 bytes. */
const pad = (message: Uint8Array): DataView => {
  const view = new DataView(new ArrayBuffer(Math.ceil((message.length + 9) / 64) * 64))
  new Uint8Array(view.buffer).set(message)
  view.setUint8(message.length, 0x80)
  view.setUint32(view.byteLength - 8, Math.floor(message.length / 2 ** 29))
  view.setUint32(view.byteLength - 4, message.length << 3)
  return view
}

/** §6.2.2: adds one block to the hash. */
const compress = (hash: Uint32Array, words: Uint32Array): void => {
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = hash
  for (let t = 0; t < 64; t++) {
    if (t >= 16) {
      const early = words[t - 15] ?? 0
      const late = words[t - 2] ?? 0
      words[t] = (words[t - 16] ?? 0) + (words[t - 7] ?? 0) +
        (rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3)) +
        (rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10))
    }
    const one = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) +
      (constants[t] ?? 0) + (words[t] ?? 0)
    const two = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))
    h = g
    g = f
    f = e
    e = (d + one) | 0
    d = c
    c = b
    b = a
    a = (one + two) | 0
  }
  const values = [a, b, c, d, e, f, g, h]
  values.forEach((value, index) => hash[index] = (hash[index] ?? 0) + value)
}

/**
 * SHA-256 of a text in UTF-8, in hexadecimal digits. With WebCrypto, callers would wait for another thread, in an order
 * that no test can predict. This function takes a few microseconds for a token. Do not hash secrets that can be
 * guessed.
 *
 * @internal
 */
export const sha256 = (text: string): string => {
  const view = pad(new TextEncoder().encode(text))
  const hash = initial.slice()
  const words = new Uint32Array(64)
  for (let block = 0; block < view.byteLength; block += 64) {
    for (let t = 0; t < 16; t++) words[t] = view.getUint32(block + t * 4)
    compress(hash, words)
  }
  return Array.from(hash, (word) => word.toString(16).padStart(8, "0")).join("")
}
