/**
 * Schemas: optional fields, tags, and what decodes.
 */
import type { Rule } from "../rule.ts"
import { call, property } from "./calls.ts"

const S = "effect/Schema#"

export const schemaForms: ReadonlyArray<Rule> = [
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
