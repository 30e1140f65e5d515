import { assert, describe, expect, it } from "@effect/vitest"
import { Redacted } from "effect"
import { vi } from "vitest"
import { Challenge } from "../src/index.ts"

type Plain = readonly [scheme: string, parameters: Readonly<Record<string, string>>, token68?: string]

const plain = (header: string): ReadonlyArray<Plain> =>
  Challenge.parse(header).map(({ parameters, scheme, token68 }) =>
    token68 === undefined
      ? [scheme, Object.fromEntries(parameters)]
      : [scheme, Object.fromEntries(parameters), token68]
  )

describe("parse (RFC 9110 §11.6.1)", () => {
  const cases: ReadonlyArray<readonly [name: string, header: string, expected: ReadonlyArray<Plain>]> = [
    ["an empty header", "", []],
    ["white space only", " \t ", []],
    ["a scheme alone", "Bearer", [["bearer", {}]]],
    ["a scheme alone, followed by white space", "Bearer  ", [["bearer", {}]]],
    ["a scheme in any case (§11.1)", "bEaReR realm=x", [["bearer", { realm: "x" }]]],
    ["parameter names in any case (§11.2)", "Bearer REALM=x, Scope=\"A b\"", [["bearer", {
      realm: "x",
      scope: "A b"
    }]]],
    ["a value that is a token", "Bearer error=invalid_token", [["bearer", { error: "invalid_token" }]]],
    ["every character of a token", "Bearer a=!#$%&'*+-.^_`|~09azAZ", [["bearer", { a: "!#$%&'*+-.^_`|~09azAZ" }]]],
    ["more than one space after the scheme", "Bearer   a=b", [["bearer", { a: "b" }]]],
    ["a tab in place of a space", "Bearer\ta=b,\tc=d", [["bearer", { a: "b", c: "d" }]]],
    ["a comma in a quoted string", "Bearer realm=\"a, b\", c=d", [["bearer", { realm: "a, b", c: "d" }]]],
    ["something like a challenge in a quoted string", "Bearer realm=\"x, Basic y=z\"", [["bearer", {
      realm: "x, Basic y=z"
    }]]],
    ["escapes in a quoted string (§5.6.4)", String.raw`Bearer realm="a\"b\\c\d"`, [["bearer", { realm: "a\"b\\cd" }]]],
    ["an escaped quote before a comma", String.raw`Bearer a="x\", y=z", b=c`, [["bearer", { a: "x\", y=z", b: "c" }]]],
    ["text beyond ASCII in a quoted string", "Bearer realm=\"Grüße 🌍\"", [["bearer", { realm: "Grüße 🌍" }]]],
    ["an equals sign in a quoted string", "Bearer a=\"b=c\"", [["bearer", { a: "b=c" }]]],
    ["white space around the equals sign (§11.2, BWS)", "Bearer a = b , c\t=\t\"d\"", [["bearer", { a: "b", c: "d" }]]],
    ["no space after a comma", "Bearer a=b,c=d", [["bearer", { a: "b", c: "d" }]]],
    ["empty list elements (§5.6.1.2)", ",, Bearer a=b,, ,c=d,,Basic realm=x, ,", [["bearer", { a: "b", c: "d" }], [
      "basic",
      { realm: "x" }
    ]]],
    ["an empty element after the scheme", "Bearer ,a=b", [["bearer", { a: "b" }]]],
    ["commas only", ",,,,", []],
    ["several challenges in a line", "Basic realm=\"x\", Bearer a=b, c=d, Negotiate", [["basic", { realm: "x" }], [
      "bearer",
      { a: "b", c: "d" }
    ], ["negotiate", {}]]],
    ["several lines, joined (§5.3)", ["Basic realm=\"x\"", "Bearer a=b", "DPoP algs=\"ES256\""].join(", "), [
      ["basic", { realm: "x" }],
      ["bearer", { a: "b" }],
      ["dpop", { algs: "ES256" }]
    ]],
    ["the same scheme twice", "Bearer a=b, Bearer a=c", [["bearer", { a: "b" }], ["bearer", { a: "c" }]]],
    ["token68 (§11.2)", "Negotiate YII+/a-b._~9==, Bearer a=b", [["negotiate", {}, "YII+/a-b._~9=="], ["bearer", {
      a: "b"
    }]]],
    ["token68 at the end", "Negotiate abc=", [["negotiate", {}, "abc="]]],
    ["token68 without padding", "Negotiate abc , Basic realm=x", [["negotiate", {}, "abc"], ["basic", { realm: "x" }]]],
    ["an equals sign alone, which is no token68 (§11.2)", "Negotiate, Bearer: =, a=b", [["negotiate", {}], ["bearer", {
      a: "b"
    }]]],
    ["a parameter whose name could be token68", "Bearer abc=def", [["bearer", { abc: "def" }]]],
    ["a scheme alone before another", "Negotiate, Bearer a=b", [["negotiate", {}], ["bearer", { a: "b" }]]],
    ["two challenges without a comma", "Negotiate Bearer a=b", [["negotiate", {}], ["bearer", { a: "b" }]]],
    ["a parameter that occurs twice: the first counts", "Bearer a=1, A=2, b=3, a=\"4\"", [["bearer", {
      a: "1",
      b: "3"
    }]]],
    ["an empty quoted string", "Bearer realm=\"\", a=b", [["bearer", { realm: "", a: "b" }]]],
    ["a parameter before any scheme", "a=b, Bearer c=d", [["bearer", { c: "d" }]]],
    ["a parameter without a value", "Bearer x=y, a=, b=c", [["bearer", { x: "y", b: "c" }]]],
    ["a value of two words", "Bearer a=b c, d=e", [["bearer", { d: "e" }]]],
    ["text after a quoted string", "Bearer a=\"b\"c, d=e", [["bearer", { d: "e" }]]],
    ["a quoted string where a scheme belongs", "\"Bearer a=b\", Basic realm=x", [["basic", { realm: "x" }]]],
    ["a comma in a quoted string where a scheme belongs", "\"x, Bearer a=b\", Basic realm=x", [["basic", {
      realm: "x"
    }]]],
    ["a token that begins with a single quote", " Bearer a='b, c=d", [["bearer", { a: "'b", c: "d" }]]],
    ["a colon after another scheme", "Basic: realm=x, Bearer a=b", [["bearer", { a: "b" }]]],
    ["a rare scheme alone after a token", "Bearer a=b, Hawk", [["bearer", { a: "b" }], ["hawk", {}]]],
    ["a quoted string that does not end", "Bearer a=b, c=\"d, e=f", [["bearer", { a: "b" }]]],
    ["an escape at the very end", "Bearer a=b, c=\"d\\", [["bearer", { a: "b" }]]],
    ["a quote alone", "\"", []],
    ["an equals sign alone", "=", []],
    ["a scheme with a character that it cannot have", "Bear@er a=b, Basic realm=x", [["basic", { realm: "x" }]]],
    ["a value with a character that needs quotes", "Bearer a=b@c, d=e", [["bearer", { a: "b@c", d: "e" }]]]
  ]
  it.each(cases)("reads %s: %j", (_, header, expected) => {
    assert.deepStrictEqual(plain(header), expected)
  })

  it("a parameter may have the name of a property of every object", () => {
    const [challenge] = Challenge.parse("Bearer __proto__=x, constructor=y, toString=\"z\"")
    assert.deepStrictEqual([...challenge?.parameters ?? []], [
      ["__proto__", "x"],
      ["constructor", "y"],
      ["tostring", "z"]
    ])
    expect(Reflect.get({}, "x")).toBeUndefined()
  })

  it("a name of an object's prototype is not a parameter", () => {
    const [challenge] = Challenge.parse("Bearer")
    expect(challenge?.parameters.get("constructor")).toBeUndefined()
    expect(challenge?.token68).toBeUndefined()
  })
})

describe("fromHeader", () => {
  it.each([null, undefined, "", "Basic realm=\"x\"", "Negotiate abc==", "Bearerx a=b", "OAuth a=b"])(
    "the header %s has no challenge for this library",
    (header) => {
      expect(Challenge.fromHeader(header)).toBeUndefined()
    }
  )

  it.each([
    ["Bearer among others", "Basic realm=\"x\", Bearer a=b, Negotiate", "bearer", "b"],
    ["DPoP where there is no Bearer (RFC 9449 §7.1)", "Basic realm=\"x\", DPoP a=d, Negotiate", "dpop", "d"],
    ["Bearer before DPoP, whatever their order", "DPoP a=d, Bearer a=b", "bearer", "b"],
    ["the first of several", "Bearer a=1, Bearer a=2", "bearer", "1"]
  ])("fromHeader picks %s", (_, header, scheme, a) => {
    const challenge = Challenge.fromHeader(header)
    expect(challenge?.scheme).toBe(scheme)
    expect(challenge?.parameters.get("a")).toBe(a)
  })

  it("the parameters of RFC 6750 §3 and RFC 9728 §5.1 are read", () => {
    const challenge = Challenge.fromHeader(
      "Bearer resource_metadata=\"https://a.example/x\", error=\"insufficient_scope\", " +
        "error_description=\"more, please\", scope=\"a:b  c \\\"d a:b\""
    )
    assert(challenge !== undefined)
    expect(Challenge.resourceMetadata(challenge)).toBe("https://a.example/x")
    expect(Challenge.error(challenge)).toBe("insufficient_scope")
    expect(Challenge.isInsufficientScope(challenge)).toBe(true)
    expect(Challenge.errorDescription(challenge)).toBe("more, please")
    // Each scope once, without words that are not scope tokens (RFC 6749 §3.3).
    assert.deepStrictEqual(Challenge.requiredScopes(challenge), ["a:b", "c"])
  })

  it("a challenge without parameters has no address, no error and no scopes", () => {
    const challenge = Challenge.fromHeader("Bearer")
    assert(challenge !== undefined)
    expect(Challenge.resourceMetadata(challenge)).toBeUndefined()
    expect(Challenge.error(challenge)).toBeUndefined()
    expect(Challenge.isInsufficientScope(challenge)).toBe(false)
    assert.deepStrictEqual(Challenge.requiredScopes(challenge), [])
  })

  it.each([
    ["Bearer error=\"invalid_token\"", true],
    ["Bearer error=\"INVALID_TOKEN\"", false],
    ["Bearer error_description=\"invalid_token\"", false],
    ["Bearer", false]
  ])("isInvalidToken of %s is %s", (header, expected) => {
    const challenge = Challenge.fromHeader(header)
    assert(challenge !== undefined)
    expect(Challenge.isInvalidToken(challenge)).toBe(expected)
  })

  it("only the exact error code insufficient_scope asks for more scope", () => {
    for (const error of ["invalid_token", "INSUFFICIENT_SCOPE", "insufficient_scope "]) {
      const challenge = Challenge.fromHeader(`Bearer error="${error}"`)
      assert(challenge !== undefined)
      expect(Challenge.isInsufficientScope(challenge)).toBe(false)
    }
  })
})

const URL = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"

describe("a header that breaks the grammar and can mean only one thing is read", () => {
  const cases: ReadonlyArray<readonly [name: string, header: string, parameters: Readonly<Record<string, string>>]> = [
    ["a URL without quotes", `Bearer resource_metadata=${URL}`, { resource_metadata: URL }],
    ["a URL without quotes before a comma", `Bearer resource_metadata=${URL}, error=invalid_token`, {
      resource_metadata: URL,
      error: "invalid_token"
    }],
    ["a URL without quotes before a comma without a space", `Bearer resource_metadata=${URL},error="invalid_token"`, {
      resource_metadata: URL,
      error: "invalid_token"
    }],
    ["a URL without quotes before a space", `Bearer resource_metadata=${URL} error="invalid_token"`, {
      resource_metadata: URL,
      error: "invalid_token"
    }],
    ["a URL with a query and an escape", "Bearer resource_metadata=https://a.test:8443/m?x=1&y=%20", {
      resource_metadata: "https://a.test:8443/m?x=1&y=%20"
    }],
    ["a URL of an IPv6 address", "Bearer resource_metadata=http://[::1]:8080/m", {
      resource_metadata: "http://[::1]:8080/m"
    }],
    ["a URL without quotes after white space", `Bearer resource_metadata = ${URL} , scope="a"`, {
      resource_metadata: URL,
      scope: "a"
    }],
    ["a scope without quotes", "Bearer error=insufficient_scope, scope=files:write", {
      error: "insufficient_scope",
      scope: "files:write"
    }],
    ["a value that has an equals sign", "Bearer nonce=YWJj==, a=b=c", { nonce: "YWJj==", a: "b=c" }],
    ["a URL in single quotes", `Bearer resource_metadata='${URL}'`, { resource_metadata: URL }],
    ["a comma and spaces in single quotes", "Bearer error_description='Missing, or expired', a='b'", {
      error_description: "Missing, or expired",
      a: "b"
    }],
    ["empty single quotes", "Bearer realm='', a=b", { realm: "", a: "b" }],
    ["single quotes beside double ones", "Bearer realm='sign', error=\"invalid_request\"", {
      realm: "sign",
      error: "invalid_request"
    }],
    ["single quotes within double ones", "Bearer error_description=\"'x', a='y'\"", {
      error_description: "'x', a='y'"
    }],
    ["escaped double quotes", String.raw`Bearer resource_metadata=\"https://a.test/m\", scope=\"a b\"`, {
      resource_metadata: "https://a.test/m",
      scope: "a b"
    }],
    ["spaces between quoted values", `Bearer resource_metadata="${URL}" error="invalid_token" scope="a b"`, {
      resource_metadata: URL,
      error: "invalid_token",
      scope: "a b"
    }],
    ["tabs between values", "Bearer\tresource_metadata='https://a.test/m'\terror=invalid_token\tscope=a:b", {
      resource_metadata: "https://a.test/m",
      error: "invalid_token",
      scope: "a:b"
    }],
    ["a space between tokens", "Bearer a=b c=d", { a: "b", c: "d" }],
    ["spaces around an equals sign after a space", "Bearer a = \"b\"  c = d", { a: "b", c: "d" }],
    ["spaces and commas mixed", "Bearer realm=\"x\" a=b, c='d' e=f:g , h=i", {
      realm: "x",
      a: "b",
      c: "d",
      e: "f:g",
      h: "i"
    }],
    ["semicolons between quoted values", `Bearer realm="x"; resource_metadata="${URL}";`, {
      realm: "x",
      resource_metadata: URL
    }],
    ["a comma after the scheme", `Bearer, resource_metadata="${URL}"`, { resource_metadata: URL }],
    ["a comma after the scheme and no quotes", `Bearer,resource_metadata=${URL}`, { resource_metadata: URL }],
    ["a colon after the scheme", `Bearer: realm="x", resource_metadata=${URL}`, { realm: "x", resource_metadata: URL }],
    ["a scheme and names in capitals", `BEARER RESOURCE_METADATA=${URL}`, { resource_metadata: URL }],
    ["an empty value before a quoted one", `Bearer realm= resource_metadata="${URL}"`, { resource_metadata: URL }],
    ["an empty value before one in single quotes", `Bearer realm= resource_metadata='${URL}'`, {
      resource_metadata: URL
    }],
    ["a comma at the end", `Bearer resource_metadata=${URL},`, { resource_metadata: URL }],
    ["a damaged value beside a good one", `Bearer realm=My Server, resource_metadata=${URL}`, {
      resource_metadata: URL
    }],
    ["quotes that a server did not escape", `Bearer error_description="no "x" here", resource_metadata="${URL}"`, {
      resource_metadata: URL
    }],
    ["a bare value before another scheme", `Bearer resource_metadata=${URL}, Basic realm="x"`, {
      resource_metadata: URL
    }],
    ["a bare value before a scheme alone", `Bearer resource_metadata=${URL}, Negotiate`, { resource_metadata: URL }],
    ["a bare value before a scheme with token68", `Bearer resource_metadata=${URL}, NTLM TlRM==`, {
      resource_metadata: URL
    }]
  ]
  it.each(cases)("%s: %s", (_, header, parameters) => {
    const challenge = Challenge.fromHeader(header)
    assert.deepStrictEqual(Object.fromEntries(challenge?.parameters ?? []), parameters)
  })

  it("a challenge of another scheme after a quoted value and a space begins a challenge of its own", () => {
    assert.deepStrictEqual(plain("Bearer a=\"b\" DPoP algs=\"ES256\""), [["bearer", { a: "b" }], ["dpop", {
      algs: "ES256"
    }]])
  })
})

describe("what could mean several things is left out, and unreadable returns the header", () => {
  const cases: ReadonlyArray<readonly [name: string, header: string, parameters: Readonly<Record<string, string>>]> = [
    ["two words without quotes", "Bearer scope=read write", {}],
    ["two scopes without quotes", "Bearer scope=files:read files:write, error=insufficient_scope", {
      error: "insufficient_scope"
    }],
    ["scopes without quotes and with a comma", "Bearer scope=files:read,files:write", {}],
    ["scopes without quotes and with a comma and a space", "Bearer scope=files:read, files:write", {}],
    ["a URL without quotes and with a comma", "Bearer resource_metadata=https://a.test/x,y", {}],
    [
      "a sentence without quotes that swallows a parameter",
      `Bearer error_description=no token resource_metadata=${URL}`,
      {}
    ],
    ["a value with a semicolon", "Bearer resource_metadata=https://a.test/x;error=y", {}],
    ["a value in angle brackets", `Bearer resource_metadata=<${URL}>`, {}],
    ["a value with a character beyond ASCII", "Bearer resource_metadata=https://é.test/", {}],
    ["a quote that does not end", `Bearer error="invalid_token", resource_metadata="${URL}`, {
      error: "invalid_token"
    }],
    ["a single quote that does not end", `Bearer resource_metadata='${URL}`, {}],
    ["a single quote within single quotes", "Bearer error_description='it's over', error=invalid_token", {
      error: "invalid_token"
    }],
    ["an escaped quote that does not end", String.raw`Bearer resource_metadata=\"https://a.test/m`, {}],
    ["quotes of two kinds", `Bearer resource_metadata="${URL}'`, {}],
    ["a quote in the middle of a value", `Bearer resource_metadata=x"${URL}"`, {}],
    ["text after a quoted value", `Bearer resource_metadata="${URL}"x`, {}],
    ["a word after a quoted value", `Bearer resource_metadata="${URL}" or so`, {}],
    ["a value that begins with an equals sign", "Bearer error==x", {}],
    ["an empty value before an unquoted one", "Bearer scope= error=invalid_token", {}],
    ["a word between parameters", "Bearer error=a Basic realm=\"x\"", {}],
    ["an address without a name", `Bearer ${URL}`, {}],
    ["a name without a value", "Bearer resource_metadata", {}],
    ["a quoted string in place of a parameter", "Bearer a=b, \"c\"", { a: "b" }],
    ["a semicolon after single quotes", "Bearer scope='x'; a=y", {}],
    ["double quotes within single quotes", "Bearer scope='say \"x\"', error=y", { error: "y" }],
    ["a backslash that escapes no quote", String.raw`Bearer scope=\x\", c=d`, {}],
    ["a semicolon after a token and a space", "Bearer scope=b ; c=d", {}],
    ["a word after a semicolon", "Bearer scope=\"x\"; y, error=z", { error: "z" }],
    ["a parameter directly after a quoted value", "Bearer scope=\"b\"c=d", {}],
    ["an equals sign after a quoted value and a space", "Bearer scope=\"b\" =c", {}]
  ]
  it.each(cases)("%s: %s", (_, header, parameters) => {
    assert.deepStrictEqual(Object.fromEntries(Challenge.fromHeader(header)?.parameters ?? []), parameters)
    expect(Challenge.unreadable(header)).toBe(header)
  })

  it.each([
    ["no scheme", `resource_metadata="${URL}"`],
    ["no scheme and no word of a challenge", "a@b"],
    ["a scheme in quotes", "\"Bearer error=x\""],
    ["a scheme without a space", `Bearer=${URL}`],
    ["an equals sign and a space after the scheme", `Bearer= ${URL}`],
    ["a colon without a space", `Bearer:${URL}`],
    [
      "a Bearer challenge inside another scheme's damaged value",
      `Basic realm=My Site Bearer resource_metadata="${URL}"`
    ]
  ])("a header with %s has no challenge: %s", (_, header) => {
    expect(Challenge.fromHeader(header)).toBeUndefined()
    expect(Challenge.unreadable(header)).toBe(header)
  })
})

describe("unreadable", () => {
  it.each([
    null,
    undefined,
    "",
    " , ",
    "Bearer",
    "Bearer realm=\"x\"",
    `Bearer resource_metadata=${URL} error='x'`,
    "Bearer realm=My Server, error=\"invalid_token\"",
    "Basic realm=\"x\"",
    "Basic realm=My Site, Bearer error=x",
    "Negotiate YII==, @, Bearer",
    "a@b, Bearer",
    "Bearer realm= =\"x\""
  ])("the header %s lacks nothing that this library acts on", (header) => {
    expect(Challenge.unreadable(header)).toBeUndefined()
  })

  it("the header is shown in one line, shortened, and without queries and tokens", () => {
    const header =
      `Bearer scope=a b, resource_metadata="https://a.test/m?key=canary&x=y", realm='https://b.test/?k=canary'`
    expect(Challenge.unreadable(header)).toBe(
      "Bearer scope=a b, resource_metadata=\"https://a.test/m?…\", realm='https://b.test/?…'"
    )
    expect(Challenge.unreadable(`Bearer scope=a b\u0007 eyJhbGciOiJub25lIn0.e30.`)).toBe("Bearer scope=a b  <redacted>")
    expect(Challenge.unreadable(`Bearer scope=a b ${"x".repeat(10_000)}`)?.length).toBe(201)
  })

  it("a header of more than 64 KiB has no challenge, and its beginning is shown", () => {
    const headers = [0, 1].map((more) => `Bearer a=b, c=${"d".repeat(64 * 1024 - 14 + more)}`)
    assert.deepStrictEqual(headers.map((header) => Challenge.parse(header).length), [1, 0])
    assert.deepStrictEqual(headers.map((header) => Challenge.unreadable(header)?.slice(0, 14)), [
      undefined,
      "Bearer a=b, c="
    ])
  })
})

it.each([
  ["in a parameter", "Bearer error_description=\"a+b/c== is revoked\", x=\"a+b/c==\""],
  ["in the encoding of a form", "Bearer error_description=\"a%2Bb%2Fc%3D%3D\""],
  ["as token68", "Bearer a+b/c=="],
  ["in base64", `Bearer error_description="${btoa("Bearer a+b/c==")} is revoked"`],
  ["escaped for HTML", "Bearer error_description=\"a&#43;b&#x2F;c== is revoked\""]
])("withoutToken removes a token that the server repeats %s", (_, header) => {
  const challenge = Challenge.fromHeader(header)
  assert(challenge !== undefined)
  const { parameters, token68 } = Challenge.withoutToken(challenge, Redacted.make("a+b/c=="))
  const shown = [token68, ...parameters.values()].join(" ")
  expect(shown).toContain("<redacted>")
  expect(shown).not.toMatch(/a(\+|%2B|&#43;)b|YStiL2M9/)
})

describe("allFromHeader", () => {
  const addresses = (header: string) => Challenge.allFromHeader(header).map(Challenge.resourceMetadata)

  it("all Bearer and DPoP challenges are returned in their order", () => {
    const challenges = Challenge.allFromHeader("DPoP a=1, Basic a=2, Bearer a=3, Negotiate, Bearer a=4")
    assert.deepStrictEqual(challenges.map(({ parameters, scheme }) => [scheme, parameters.get("a")]), [
      ["dpop", "1"],
      ["bearer", "3"],
      ["bearer", "4"]
    ])
  })

  it.each([null, undefined, "", "Basic realm=\"x\""])("the header %s has none", (header) => {
    assert.deepStrictEqual(Challenge.allFromHeader(header), [])
  })

  it("the addresses of several challenges are returned in their order", () => {
    assert.deepStrictEqual(
      addresses("Bearer resource_metadata=https://a.test, DPoP resource_metadata='https://b.test'"),
      [
        "https://a.test",
        "https://b.test"
      ]
    )
  })

  it("a challenge that repeats resource_metadata occurs once for each address, and parse keeps the first", () => {
    const header = "Bearer resource_metadata=\"https://a.test\", error=\"x\", resource_metadata=\"https://b.test\""
    assert.deepStrictEqual(addresses(header), ["https://a.test", "https://b.test"])
    assert.deepStrictEqual(Challenge.allFromHeader(header).map(Challenge.error), ["x", "x"])
    assert.deepStrictEqual(plain(header), [["bearer", { resource_metadata: "https://a.test", error: "x" }]])
  })

  it("any other repeated parameter counts once", () => {
    assert.deepStrictEqual(Challenge.allFromHeader("Bearer scope=a, scope=b").map(Challenge.requiredScopes), [["a"]])
  })
})

// ---- linear work
// -----------------------------------------------------------------------------------------------------

/** The number of characters that the parser reads. */
const looks = (header: string): number => {
  const charCodeAt = vi.spyOn(String.prototype, "charCodeAt")
  try {
    Challenge.parse(header)
    return charCodeAt.mock.calls.length
  } finally {
    charCodeAt.mockRestore()
  }
}

describe("the bounds of a header", () => {
  it("a header of 64 KiB is read, and a longer one is left out as a whole and shown", () => {
    const header = `Bearer scope="${"s".repeat(64 * 1024 - 15)}"`
    expect(Challenge.fromHeader(header)?.parameters.get("scope")).toHaveLength(64 * 1024 - 15)
    expect(Challenge.fromHeader(`${header} `)).toBeUndefined()
    expect(Challenge.allFromHeader(`${header} `)).toEqual([])
    expect(Challenge.unreadable(`${header} `)).toBe(`${header.slice(0, 200)}…`)
  })

  it("of a challenge with many addresses, nine are read", () => {
    const addresses = Array.from({ length: 20 }, (_, index) => `https://mcp.example.com/${index}`)
    const header = `Bearer ${addresses.map((address) => `resource_metadata="${address}"`).join(", ")}`
    expect(Challenge.allFromHeader(header).map(Challenge.resourceMetadata)).toEqual(addresses.slice(0, 9))
  })
})

describe("parsing time is linear in the header's length", () => {
  it.each([
    [","],
    ["\""],
    ["\\"],
    ["\"\\"],
    ["a="],
    ["a=\""],
    ["="],
    [" "],
    ["a b c "],
    ["a, "],
    ["abc/def+"],
    ["a  =  "],
    ["a=b c "],
    ["a=\"b\" c=\"d\" "],
    ["Bearer a=\"b, "],
    ["x "],
    ["@"],
    ["a \t"],
    ["a='"],
    ["a='b, "],
    ["a='b' "],
    ["a=b:c "],
    ["a=b:c,"],
    ["a=b:c, d"],
    ["a= b "],
    ["a= b=c "],
    ["a=\"b\" c "],
    ["a=\"b\";"],
    ["a=\\\"b"],
    ["Bearer: "]
  ])("parsing a run of %j looks at each character at most 10 times", (piece) => {
    for (const prefix of ["", "Bearer ", "Bearer a=\"", "Bearer a="]) {
      const lengths = [500, 1000, 2000, 4000].map((length) => prefix + piece.repeat(Math.ceil(length / piece.length)))
      for (const header of lengths) {
        const count = looks(header)
        expect(count).toBeGreaterThan(0)
        expect(count).toBeLessThanOrEqual(10 * header.length)
      }
    }
  })
})
