import * as Challenge from "@effect-mcp-auth/core/Challenge"
import { extractWWWAuthenticateParams } from "@modelcontextprotocol/client"
import * as FastCheck from "effect/FastCheck"
import * as Oauth from "oauth4webapi"
import { REFUSED } from "../src/comparison.ts"
import { compared } from "./support.ts"

const token = FastCheck.constantFrom("a", "realm", "x-y", "read", "A1")

const name = FastCheck.constantFrom("realm", "scope", "error", "Error_Description", "resource_metadata", "algs")

const quotedText = FastCheck.constantFrom(
  "",
  "a, b",
  "files:read files:write",
  "https://mcp.example.com/meta",
  "https://mcp.example.com/meta?a=1,2",
  "say \\\"please\\\"",
  "back\\\\slash",
  "error=x",
  "insufficient_scope"
)

const value = FastCheck.oneof(token, quotedText.map((text) => `"${text}"`))

const bare = FastCheck.constantFrom("https://mcp.example.com/meta", "files:read", "'single'", "\\\"escaped\\\"")

const comma = FastCheck.constantFrom(", ", ",", " , ", ",,")

const parametersOf = (value: FastCheck.Arbitrary<string>) =>
  FastCheck.tuple(
    FastCheck.array(FastCheck.tuple(name, FastCheck.constantFrom("=", "=", "=", " = "), value), {
      minLength: 1,
      maxLength: 3
    }),
    comma
  ).map(([parameters, comma]) => parameters.map((parts) => parts.join("")).join(comma))

const scheme = FastCheck.constantFrom("Bearer", "bearer", "DPoP", "Basic")

const challengeOf = (value: FastCheck.Arbitrary<string>) =>
  FastCheck.oneof(
    { weight: 4, arbitrary: FastCheck.tuple(scheme, parametersOf(value)).map((parts) => parts.join(" ")) },
    { weight: 1, arbitrary: FastCheck.constantFrom("Negotiate", "Negotiate YII+/a==", "Bearer") }
  )

const header = FastCheck.oneof(
  {
    weight: 4,
    arbitrary: FastCheck.array(challengeOf(value), { minLength: 1, maxLength: 3 }).map((all) => all.join(", "))
  },
  { weight: 1, arbitrary: challengeOf(FastCheck.oneof(value, bare)) }
)

/** Whether a name occurs twice in one challenge. */
const repeats = (header: string): boolean => {
  const challenges = header.split(/(?:^|, *)(?=(?:Bearer|DPoP|Basic|Negotiate)\b)/i)
  return challenges.some((text) => {
    const names = [...text.replaceAll(/"(?:[^"\\]|\\.)*"/g, "\"\"").matchAll(/([\w-]+)\s*=/g)].map(([, name = ""]) =>
      name.toLowerCase()
    )
    return new Set(names).size < names.length
  })
}

const SINGLE_QUOTES = {
  name: "single quotes are quotes",
  reason:
    "Some servers write them, and neither an address nor a scope begins with one. Others read them as a part of " +
    "the value, as RFC 9110 §5.6.2 does.",
  applies: (header: string): boolean => header.includes("'")
}

interface Plain {
  readonly scheme: string
  readonly token68: string | undefined
  readonly parameters: Readonly<Record<string, string>>
}

const isLonger = (ours: ReadonlyArray<Plain> | typeof REFUSED, theirs: ReadonlyArray<Plain> | typeof REFUSED) =>
  ours !== REFUSED && theirs !== REFUSED && theirs.length === 0 && ours.length > 0

compared("all challenges of a header, beside oauth4webapi", {
  inputs: header,
  examples: [
    "Bearer scope=a, scope=b",
    "Bearer resource_metadata=https://mcp.example.com/meta",
    "Bearer resource_metadata='https://mcp.example.com/meta'",
    "Negotiate, Bearer error=\"invalid_token\"",
    "Bearer error=\"invalid_token\" scope=\"a b\""
  ],
  ours: (header): ReadonlyArray<Plain> =>
    Challenge.parse(header).map(({ parameters, scheme, token68 }) => ({
      scheme,
      token68,
      parameters: Object.fromEntries(parameters)
    })),
  theirs: async (header): Promise<ReadonlyArray<Plain>> => {
    const response = new Response("", { status: 401, headers: { "www-authenticate": header } })
    const url = new URL("https://mcp.example.com")
    try {
      await Oauth.protectedResourceRequest("t", "GET", url, undefined, undefined, {
        [Oauth.customFetch]: () => Promise.resolve(response)
      })
      return []
    } catch (error) {
      if (!(error instanceof Oauth.WWWAuthenticateChallengeError)) throw error
      return error.cause.map(({ parameters, scheme, token68 }) => ({
        scheme,
        token68,
        parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, value ?? ""]))
      }))
    }
  },
  rules: [
    {
      name: "of a repeated parameter the first one counts",
      reason: "A parameter may occur once in a challenge (RFC 9110 §11.2). With the last one, what is appended to a " +
        "header would replace what the server wrote.",
      applies: (header) => repeats(header)
    },
    {
      name: "a header that breaks the grammar is read where it can mean only one thing",
      reason: "Servers write addresses and scopes without quotes. oauth4webapi reads no challenge of such a header.",
      applies: (_, ours, theirs) => isLonger(ours, theirs)
    },
    SINGLE_QUOTES
  ]
})

interface Fields {
  readonly resource_metadata: string | undefined
  readonly scope: string | undefined
  readonly error: string | undefined
  readonly error_description: string | undefined
}

/** As the SDK has them: an empty text counts as absent, and so does an address that is no URL. */
const fieldsOf = (parameter: (name: string) => string | undefined): Fields => {
  const text = (name: string) => parameter(name) || undefined
  const address = text("resource_metadata")
  let href: string | undefined
  try {
    href = address === undefined ? undefined : new URL(address).href
  } catch {
    href = undefined
  }
  return {
    resource_metadata: href,
    scope: text("scope"),
    error: text("error"),
    error_description: text("error_description")
  }
}

/** Whether a parameter of this name stands outside of the challenge that counts. */
const isElsewhere = (header: string, name: string): boolean => {
  const acted = Challenge.fromHeader(header)
  const others = Challenge.parse(header).filter(({ parameters, scheme }) =>
    scheme !== acted?.scheme || String([...parameters]) !== String([...acted.parameters])
  )
  return others.some(({ parameters }) => parameters.has(name)) || / = |\\["\\]|""|'|Error_/.test(header)
}

const isNothing = (fields: Fields | typeof REFUSED): boolean =>
  fields !== REFUSED && Object.values(fields).every((value) => value === undefined)

compared("the challenge that a client acts on, beside the SDK", {
  inputs: header,
  examples: [
    "Bearer scope=a, scope=b",
    "Basic realm=\"x\", Bearer error=\"invalid_token\"",
    "DPoP error=\"a\", Bearer error=\"b\"",
    "Bearer Error_Description=\"x\"",
    "Bearer error_description=\"say \\\"please\\\"\"",
    "Bearer realm=\"error=x\"",
    "Bearer resource_metadata = \"https://mcp.example.com/meta\"",
    "Bearer scope=files:read",
    "Bearer realm=\"scope=\", scope=\"a\"",
    "Bearer resource_metadata='https://mcp.example.com/meta'"
  ],
  ours: (header): Fields => {
    const challenge = Challenge.fromHeader(header)
    return fieldsOf((name) => challenge?.parameters.get(name))
  },
  theirs: (header): Fields => {
    const response = new Response("", { status: 401, headers: { "www-authenticate": header } })
    const { error, errorDescription, resourceMetadataUrl, scope } = extractWWWAuthenticateParams(response)
    return { resource_metadata: resourceMetadataUrl?.href, scope, error, error_description: errorDescription }
  },
  rules: [
    {
      name: "a Bearer challenge counts wherever it stands in the list",
      reason: "A header is a list of challenges in any order (RFC 9110 §11.6.1). The SDK reads a header only if its " +
        "first word is Bearer or DPoP.",
      applies: (header, _, theirs) => isNothing(theirs) && !/^(?:Bearer|DPoP) /i.test(header)
    },
    {
      name: "parameters of other challenges count for nothing",
      reason: "The SDK searches the whole header. Each challenge has its own parameters (RFC 9110 §11.3).",
      applies: (header, ours, theirs) =>
        (header.match(/\b(?:Bearer|DPoP|Basic|Negotiate)\b/gi) ?? []).length > 1 && ours !== REFUSED &&
        theirs !== REFUSED && Object.entries(theirs).every(([name, theirs]) =>
          theirs === Object.entries(ours).find(([ourName]) =>
              ourName === name
            )?.[1] || isElsewhere(header, name)
        )
    },
    {
      name: "names are compared without case",
      reason: "RFC 9110 §11.2.",
      applies: (header) => /Error_Description/.test(header)
    },
    {
      name: "white space may stand around the equals sign",
      reason: "RFC 9110 §11.2 allows it, for the sake of old senders.",
      applies: (header) => / = /.test(header)
    },
    {
      name: "a quoted string has escapes, and may be empty",
      reason:
        "RFC 9110 §5.6.4. The SDK ends a text at its first quotation mark, escaped or not, and reads an empty one " +
        "as two quotation marks.",
      applies: (header) => /\\["\\]|""/.test(header)
    },
    {
      name: "what looks like a parameter in a quoted string is text",
      reason: "RFC 9110 §5.6.4. The SDK finds `error=` in the text of another parameter.",
      applies: (header) => /"[^"]*\b(?:error|scope)=[^"]*"/.test(header)
    },
    SINGLE_QUOTES
  ]
})
