import { assert, describe, it } from "@effect/vitest"
import { findErrorTexts } from "../src/errorTexts.ts"

const tags = new Set(["InvalidOptions", "IssuerMismatch", "TokenEndpointError"])

const find = (...sources: ReadonlyArray<string>) =>
  findErrorTexts(sources.map((text, index) => ({ file: `${index}.ts`, text })), tags)

const textsOf = (source: string) => find(source).texts.map(({ text }) => text)

describe("the texts of a source", () => {
  it.each([
    ["a literal", "const a = \"it is empty.\"", "it is empty."],
    [
      "a template, without its expressions",
      "const a = `${url} answered ${status} without a token`",
      "… answered … without a token"
    ],
    ["a sum of literals and templates", "const a = `the host ${host} ` + \"is not known\"", "the host … is not known"],
    ["a sum with an expression", "const a = \"no answer within \" + limit", "no answer within …"],
    [
      "a part of a text, without the full stop before it",
      "const a = \". Ask the operator of the server\"",
      "Ask the operator of the server"
    ],
    ["a text in an assertion of type", "const a = \"it is empty.\" as Text", "it is empty."]
  ])("include %s", (_, source, text) => {
    assert.deepStrictEqual(textsOf(source), [text])
  })

  it("include the texts inside the expressions of a text", () => {
    assert.deepStrictEqual(textsOf("const a = `${name}: ${ok ? \"it is well formed\" : \"it is cut off\"}`"), [
      "it is well formed",
      "it is cut off"
    ])
  })

  it.each([
    ["names", "const a = \"client_id\""],
    ["two words", "const a = \"not found\""],
    ["codes in capitals", "const a = \"EC PRIVATE KEY\""],
    ["programs of several lines", "const a = \"if a then\\nreturn b end\""],
    ["the names of modules", "import a from \"a module with words\""],
    ["types", "type A = \"this is a type\""],
    ["a template whose words are never together", "const a = `${a} is ${b} of ${c}`"]
  ])("do not include %s", (_, source) => {
    assert.deepStrictEqual(textsOf(source), [])
  })
})

describe("the error of a text", () => {
  const around = (...sources: ReadonlyArray<string>) =>
    find(...sources).texts.map(({ option, reason, tag }) => ({ option, reason, tag }))

  it.each([
    [
      "the class that is constructed, with its reason",
      "new TokenEndpointError({ reason: \"Refused\", description: \"it was not accepted\" })",
      { tag: "TokenEndpointError", reason: "Refused", option: undefined }
    ],
    [
      "the class that a function around the text constructs",
      "const invalid = (description) => left(new InvalidOptions({ option: \"key\", description }))\ninvalid(\"it is not a key\")",
      { tag: "InvalidOptions", reason: undefined, option: "key" }
    ],
    [
      "the class that is constructed, with the option that a constant of the module names",
      "const OPTION = \"scopes\"\nnew InvalidOptions({ option: OPTION, description: \"it is not a list\" })",
      { tag: "InvalidOptions", reason: undefined, option: "scopes" }
    ],
    [
      "InvalidOptions for a function with the parameter `option`",
      "const check = (option, text) => use(option, text)\ncheck(\"scopes\", \"it is not a list\")",
      { tag: "InvalidOptions", reason: undefined, option: "scopes" }
    ],
    [
      "the class after which the declaration is named, with the reason of the case",
      "const issuerMismatch = (e) => { switch (e.reason) { case \"Changed\": return \"it is another one\" } }",
      { tag: "IssuerMismatch", reason: "Changed", option: undefined }
    ],
    ["Log in a line of the log", "Effect.logWarning(\"it was not stored\")", {
      tag: "Log",
      reason: undefined,
      option: undefined
    }],
    ["Error in a defect", "new Error(\"it is a bug\")", { tag: "Error", reason: undefined, option: undefined }],
    ["unknown elsewhere", "const a = \"it is not known\"", { tag: undefined, reason: undefined, option: undefined }]
  ])("is %s", (_, source, expected) => {
    assert.deepStrictEqual(around(source).at(-1), expected)
  })

  it("is not that of a function of the same name in another module that does not export it", () => {
    assert.deepStrictEqual(
      around(
        "const invalid = (text) => new InvalidOptions({ option: \"key\", description: text })",
        "invalid(\"it is not a key\")"
      ),
      [{ tag: undefined, reason: undefined, option: undefined }]
    )
  })
})

it.each([
  ["imports", "import { check } from \"./0.ts\"\ncheck(\"b\", 1)"],
  ["imports under another name", "import { check as verify } from \"./0.ts\"\nverify(\"b\", 1)"],
  ["imports with its module", "import * as Checks from \"./0.ts\"\nChecks.check(\"b\", 1)"]
])("the options are the names that are passed as `option`, also to a function that a module %s", (_, source) => {
  assert.deepStrictEqual(
    find("export const check = (option) => option", `${source}; check(name); new InvalidOptions({ option: "a" })`)
      .options,
    ["a", "b"]
  )
})

it("the options are also those that a function names by a constant `option`", () => {
  const source = "const check = () => { const option = \"a\"\n return new InvalidOptions({ option, description }) }"
  assert.deepStrictEqual(find(source).options, ["a"])
})

it("the options are not those of a function that has the same name as one with options", () => {
  const other = "import { check } from \"elsewhere\"\ncheck(\"b\", 1)"
  assert.deepStrictEqual(find("export const check = (option) => option", other).options, [])
})
