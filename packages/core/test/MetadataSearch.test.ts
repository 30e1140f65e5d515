import { describe, expect, it } from "@effect/vitest"
import { listed, type Miss } from "../src/MetadataSearch.ts"

const miss = (url: string, said: string, isOutage = true): Miss<never> => ({
  url,
  description: `${url}${said}`,
  advice: undefined,
  refusal: undefined,
  outage: isOutage ? {} : undefined
})

const expired = ": the connection failed (CERT_HAS_EXPIRED: the server's certificate has expired)"
const refused = ": the connection failed (ECONNREFUSED: nothing accepts connections at this host and port)"

describe("the list of what each address answered", () => {
  it.each<readonly [name: string, misses: ReadonlyArray<Miss<never>>, text: string]>([
    [
      "a long failure of all addresses is written out once",
      [miss("https://a/1", expired), miss("https://a/2", expired), miss("https://a/3", ` itself${expired}`)],
      `https://a/1${expired}; https://a/2: the same; https://a/3 itself: the same`
    ],
    [
      "different failures are written out each",
      [miss("https://a/1", expired), miss("https://b/1", refused)],
      `https://a/1${expired}; https://b/1${refused}`
    ],
    [
      "short answers are repeated",
      [miss("https://a/1", " answered 503"), miss("https://a/2", " answered 503")],
      "https://a/1 answered 503; https://a/2 answered 503"
    ],
    [
      "an answer without a document is written out each time",
      [
        miss("https://a/1", " redirects to another origin, https://b.example.com", false),
        miss("https://a/2", " redirects to another origin, https://b.example.com", false)
      ],
      "https://a/1 redirects to another origin, https://b.example.com; " +
      "https://a/2 redirects to another origin, https://b.example.com"
    ]
  ])("%s", (_, misses, text) => {
    expect(listed(misses)).toBe(text)
  })
})
