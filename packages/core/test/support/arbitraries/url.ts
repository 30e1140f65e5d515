/** Addresses of servers and issuers, each as its parts and as one of the ways to write it. */
import * as FastCheck from "effect/FastCheck"

/** The parts of an https address, of which a plain spelling is made. */
export interface Address {
  readonly host: string
  readonly port: string
  /** Empty, or a slash and more. */
  readonly path: string
  /** Empty, or a question mark and more. */
  readonly query: string
}

export const host: FastCheck.Arbitrary<string> = FastCheck.oneof(
  FastCheck.constantFrom("mcp.example.com", "example.com", "a.b.test", "127.0.0.1", "[::1]", "xn--bcher-kva.example"),
  FastCheck.domain()
)

export const port: FastCheck.Arbitrary<string> = FastCheck.oneof(
  FastCheck.constant(""),
  FastCheck.integer({ min: 1, max: 65_535 }).filter((port) => port !== 443).map((port) => `:${port}`)
)

/** A segment of a path that the platform's parser leaves as it is. */
export const segment: FastCheck.Arbitrary<string> = FastCheck.oneof(
  FastCheck.constantFrom("mcp", "tenant", "v1", "a+b", "a,b", "a:b@c", "%20", "%2F", "%c3%bc", "~x", "(x)", "$x"),
  FastCheck.string({
    unit: FastCheck.constantFrom(..."abcXYZ019-_".split("")),
    minLength: 1,
    maxLength: 6
  })
)

/** A path, perhaps with a slash at its end. */
export const path: FastCheck.Arbitrary<string> = FastCheck.oneof(
  FastCheck.constantFrom("", "/"),
  FastCheck.tuple(FastCheck.array(segment, { minLength: 1, maxLength: 4 }), FastCheck.constantFrom("", "", "/"))
    .map(([segments, end]) => `/${segments.join("/")}${end}`)
)

/** A query that a program changes if it takes the query apart and encodes it again. */
export const query: FastCheck.Arbitrary<string> = FastCheck.oneof(
  FastCheck.constant(""),
  FastCheck.string({
    unit: FastCheck.constantFrom(..."ab1=&;+:/,@[]{}|!~$()*-_.".split(""), "%20", "%2B", "%c3%BC", "%zz"),
    minLength: 1,
    maxLength: 12
  }).map((text) => `?${text}`)
)

export const address: FastCheck.Arbitrary<Address> = FastCheck.record({ host, port, path, query })

/** An address in its canonical form (RFC 8707 §2). */
export const canonical = ({ host, path, port, query }: Address): string => `https://${host}${port}${path}${query}`

/** Letters in any case, by a list of choices. */
const inCases = (text: string, choices: ReadonlyArray<boolean>): string =>
  Array.from(text, (letter, index) => choices[index % choices.length] === true ? letter.toUpperCase() : letter).join("")

/** An address, and a spelling with letters in any case, the default port, and white space around it. */
export const spelled: FastCheck.Arbitrary<readonly [Address, written: string]> = FastCheck.tuple(
  address,
  FastCheck.array(FastCheck.boolean(), { minLength: 1, maxLength: 10 }),
  FastCheck.boolean(),
  FastCheck.constantFrom("", " ", "\n")
).map(([address, cases, writesPort, around]) => {
  const port = address.port === "" && writesPort ? ":443" : address.port
  const written = `${inCases(`https://${address.host}`, cases)}${port}${address.path}${address.query}`
  return [address, `${around}${written}${around}`]
})
