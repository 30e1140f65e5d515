/**
 * Schemas: in Effect 4 alternatives stand in an array, and a filter is a check.
 */
import ts from "typescript-5.9"
import type { Rule } from "../rule.ts"
import { call, property, value } from "./calls.ts"

const S = "effect/Schema#"

/** What `() => value` returns, without parentheses. */
const returned = (node: ts.Expression): ts.Expression | undefined => {
  if (!ts.isArrowFunction(node) || ts.isBlock(node.body)) return undefined
  return ts.isParenthesizedExpression(node.body) ? node.body.expression : node.body
}

/** A filter that one pipes a schema through. */
const filter = (name: string, check: string, example: Rule["example"]): Rule =>
  call(`${S}${name}`, "A filter is a check, and `Schema.check` pipes a schema through it.", example, (
    { args },
    { value }
  ) => `${value(`${S}check`)}(${value(`${S}${check}`)}(${name === "nonNegative" ? "0" : args.join(", ")}))`)

export const schema: ReadonlyArray<Rule> = [
  call(`${S}Union`, "The alternatives stand in an array.", {
    before: "Schema.Union(Schema.String, Schema.Number)",
    after: "Schema.Union([Schema.String, Schema.Number])"
  }, ({ args }, { value }) => `${value(`${S}Union`)}([${args.join(", ")}])`),
  call(`${S}Tuple`, "The elements stand in an array.", {
    before: "Schema.Tuple(Schema.String, Schema.Number)",
    after: "Schema.Tuple([Schema.String, Schema.Number])"
  }, ({ args }, { value }) => `${value(`${S}Tuple`)}([${args.join(", ")}])`),
  call(`${S}Literal`, "`Literal` takes one value, and `Literals` an array of them.", {
    before: `Schema.Literal("a", "b")`,
    after: `Schema.Literals(["a", "b"])`
  }, ({ args, node }, { value }) => {
    const spread = node.arguments.length === 1 && node.arguments.some((argument) => ts.isSpreadElement(argument))
    if (spread) return `${value(`${S}Literals`)}(${args.join("").slice(3)})`
    return args.length === 1 ? undefined : `${value(`${S}Literals`)}([${args.join(", ")}])`
  }),
  call(`${S}Struct`, "`StructWithRest` holds the fields that have no name of their own.", {
    before: "Schema.Struct({ a: Schema.String }, { key: Schema.String, value: Schema.Unknown })",
    after: "Schema.StructWithRest(Schema.Struct({ a: Schema.String }), [Schema.Record(Schema.String, Schema.Unknown)])"
  }, ({ args, node }, rewriting) => {
    const [, rest] = node.arguments
    if (rest === undefined) return undefined
    const { text, value } = rewriting
    const key = property(rest, "key")
    const of = property(rest, "value")
    if (key === undefined || of === undefined) return undefined
    const record = `${value(`${S}Record`)}(${text(key)}, ${text(of)})`
    return `${value(`${S}StructWithRest`)}(${value(`${S}Struct`)}(${args[0]}), [${record}])`
  }),
  call(`${S}Record`, "Key and value are two arguments.", {
    before: "Schema.Record({ key: Schema.String, value: Schema.Unknown })",
    after: "Schema.Record(Schema.String, Schema.Unknown)"
  }, ({ node }, { text, value }) => {
    const [options] = node.arguments
    const key = options && property(options, "key")
    const of = options && property(options, "value")
    return key && of ? `${value(`${S}Record`)}(${text(key)}, ${text(of)})` : undefined
  }),
  value(
    `${S}Defect`,
    "`Defect` takes options.",
    {
      before: "Schema.Defect",
      after: "Schema.Defect()"
    },
    ({ value }, node) =>
      ts.isCallExpression(node.parent) && node.parent.expression === node ? undefined : `${value(`${S}Defect`)}()`
  ),
  filter("pattern", "isPattern", {
    before: "Schema.String.pipe(Schema.pattern(/^a$/))",
    after: "Schema.String.pipe(Schema.check(Schema.isPattern(/^a$/)))"
  }),
  filter("maxLength", "isMaxLength", {
    before: "Schema.String.pipe(Schema.maxLength(3))",
    after: "Schema.String.pipe(Schema.check(Schema.isMaxLength(3)))"
  }),
  filter("nonNegative", "isGreaterThanOrEqualTo", {
    before: "Schema.Number.pipe(Schema.nonNegative())",
    after: "Schema.Number.pipe(Schema.check(Schema.isGreaterThanOrEqualTo(0)))"
  }),
  filter("filter", "makeFilter", {
    before: "Schema.Number.pipe(Schema.filter((n) => n > 3))",
    after: "Schema.Number.pipe(Schema.check(Schema.makeFilter((n) => n > 3)))"
  }),
  {
    name: `${S}propertySignature`,
    reason: "A default belongs to the schema of a field itself.",
    example: {
      before: `Schema.String.pipe(Schema.propertySignature, Schema.withConstructorDefault(() => "a"))`,
      after: `Schema.String.pipe(Schema.withConstructorDefault(Effect.sync(() => "a")))`
    },
    apply: (node, { key, text }) => {
      if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return undefined
      if (node.expression.name.text !== "pipe") return undefined
      const kept = node.arguments.filter((argument) => key(argument) !== `${S}propertySignature`)
      if (kept.length === node.arguments.length) return undefined
      return `${text(node.expression)}(${kept.map(text).join(", ")})`
    }
  },
  call(
    `${S}withConstructorDefault`,
    "A default is an effect. Each value gets a default of its own, as from the function.",
    {
      before: `Schema.withConstructorDefault(() => "a")`,
      after: `Schema.withConstructorDefault(Effect.sync(() => "a"))`
    },
    ({ args }, { value }) => `${value(`${S}withConstructorDefault`)}(${value("effect/Effect#sync")}(${args[0]}))`
  ),
  {
    name: "annotations",
    reason: "The method is called `annotate`, and a message is a text.",
    example: {
      before: `Schema.String.annotations({ title: "a", message: () => ({ message: "no", override: true }) })`,
      after: `Schema.String.annotate({ title: "a", message: "no" })`
    },
    apply: (node, { key, text }) => {
      if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return undefined
      if (!/^effect\/Schema#.*\.annotations$/.test(key(node.expression) ?? "")) return undefined
      const [given] = node.arguments
      const message = given && property(given, "message")
      const made = message === undefined ? undefined : returned(message)
      const own = made === undefined ? undefined : property(made, "message") ?? made
      if (given === undefined || own === undefined || !ts.isObjectLiteralExpression(given)) {
        return `${text(node.expression.expression)}.annotate(${node.arguments.map(text).join(", ")})`
      }
      const fields = given.properties.map((field) =>
        field.name?.getText() === "message" ? `message: ${text(own)}` : text(field)
      )
      const options = `{ ${fields.join(", ")} }`
      return `${text(node.expression.expression)}.annotate(${options})`
    }
  },
  call(`${S}compose`, "The second schema is piped through, and not an argument beside the first.", {
    before: "Schema.compose(Schema.String, Schema.NumberFromString)",
    after: "Schema.String.pipe(Schema.decodeTo(Schema.NumberFromString))"
  }, ({ args }, { value }) => args.length === 2 ? `${args[0]}.pipe(${value(`${S}decodeTo`)}(${args[1]}))` : undefined),
  call(
    `${S}parseJson`,
    "The schema of the parsed value is always given.",
    {
      before: "Schema.parseJson()",
      after: "Schema.fromJsonString(Schema.Unknown)"
    },
    ({ args }, { value }) => args.length === 0 ? `${value(`${S}fromJsonString`)}(${value(`${S}Unknown`)})` : undefined
  ),
  call(`${S}transform`, "A transformation is a value of its own.", {
    before: "Schema.transform(Schema.String, Schema.Number, { strict: true, decode: Number, encode: String })",
    after:
      "Schema.String.pipe(Schema.decodeTo(Schema.Number, SchemaTransformation.transform({ decode: Number, encode: String })))"
  }, ({ args, node }, rewriting) => {
    const options = node.arguments[2]
    const decode = options && property(options, "decode")
    const encode = options && property(options, "encode")
    if (decode === undefined || encode === undefined) return undefined
    const { text, value } = rewriting
    const transformation = `${value("effect/SchemaTransformation#transform")}({ decode: ${text(decode)}, encode: ${
      text(encode)
    } })`
    return `${args[0]}.pipe(${value(`${S}decodeTo`)}(${args[1]}, ${transformation}))`
  }),
  call(`${S}optionalWith`, "An exact optional field and a default have names of their own.", {
    before: `Schema.optionalWith(Schema.String, { default: () => "a" })`,
    after: `Schema.String.pipe(Schema.withDecodingDefault(Effect.sync(() => "a")))`
  }, ({ args, node }, rewriting) => {
    const [, options] = node.arguments
    const { text, value } = rewriting
    const make = options && property(options, "default")
    if (make !== undefined) {
      const default_ = `${value("effect/Effect#sync")}(${text(make)})`
      return `${args[0]}.pipe(${value(`${S}withDecodingDefault`)}(${default_}))`
    }
    const exact = options && property(options, "exact")
    return exact !== undefined && text(exact) === "true" ? `${value(`${S}optionalKey`)}(${args[0]})` : undefined
  }),
  call(
    `${S}attachPropertySignature`,
    "A field that only the decoded value has is a tag with a default.",
    {
      before: `Schema.Struct({}).pipe(Schema.attachPropertySignature("_tag", "A"))`,
      after: `Schema.Struct({}).pipe(Schema.fieldsAssign({ ["_tag"]: Schema.tagDefaultOmit("A") }))`
    },
    ({ args }, { value }) =>
      `${value(`${S}fieldsAssign`)}({ [${args[0]}]: ${value(`${S}tagDefaultOmit`)}(${args[1]}) })`
  ),
  call(`${S}TemplateLiteralParser`, "The parts stand in an array.", {
    before: `Schema.TemplateLiteralParser(Schema.String, ":", Schema.String)`,
    after: `Schema.TemplateLiteralParser([Schema.String, ":", Schema.String])`
  }, ({ args }, { value }) => `${value(`${S}TemplateLiteralParser`)}([${args.join(", ")}])`)
]
