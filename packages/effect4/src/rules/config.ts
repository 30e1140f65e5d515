/**
 * Config and its providers.
 */
import ts from "typescript-5.9"
import type { Rewriting, Rule } from "../rule.ts"
import { call, property } from "./calls.ts"

const C = "effect/Config#"

/** The schema of the elements of a list: `Config.string()` is `Schema.String`. */
const schemaOf = (element: ts.Expression | undefined, { key, value }: Rewriting): string | undefined => {
  if (element === undefined || !ts.isCallExpression(element) || element.arguments.length > 0) return undefined
  const text = value("effect/Schema#String")
  const of = key(element.expression)
  return of === `${C}string` ? text : of === `${C}redacted` ? `${value("effect/Schema#Redacted")}(${text})` : undefined
}

export const config: ReadonlyArray<Rule> = [
  call(`${C}array`, "The elements of a list have a schema.", {
    before: `Config.array(Config.string(), "SCOPES")`,
    after: `Config.Array(Schema.String, "SCOPES")`
  }, ({ node }, rewriting) => {
    const [element, ...rest] = node.arguments
    const schema = schemaOf(element, rewriting)
    return schema && `${rewriting.value(`${C}Array`)}(${[schema, ...rest.map(rewriting.text)].join(", ")})`
  }),
  {
    name: `${C}literal`,
    reason: "The literals stand in an array, and the name is the second argument.",
    example: { before: `Config.literal("a", "b")("KIND")`, after: `Config.Literals(["a", "b"], "KIND")` },
    apply: (node, { key, text, value }) => {
      if (!ts.isCallExpression(node) || !ts.isCallExpression(node.expression)) return undefined
      const inner = node.expression
      if (key(inner.expression) !== `${C}literal`) return undefined
      const literals = `[${inner.arguments.map(text).join(", ")}]`
      return `${value(`${C}Literals`)}(${[literals, ...node.arguments.map(text)].join(", ")})`
    }
  },
  call("effect/ConfigProvider#make", "A provider is made of the function that loads.", {
    before: "ConfigProvider.make({ load, flattened })",
    after: "ConfigProvider.make(load)"
  }, ({ node }, { text, value }) => {
    const [options] = node.arguments
    const load = options && property(options, "load")
    return load && `${value("effect/ConfigProvider#make")}(${text(load)})`
  }),
  call(
    "effect/ConfigError#SourceUnavailable",
    "The error of a source that cannot be read has no path.",
    {
      before: `ConfigError.SourceUnavailable([], "away", Cause.empty)`,
      after: `new ConfigProvider.SourceError({ message: "away", cause: Cause.empty })`
    },
    ({ args }, { value }) =>
      `new ${value("effect/ConfigProvider#SourceError")}({ message: ${args[1]}, cause: ${args[2]} })`
  ),
  call(
    "effect/ConfigProvider#fromMap",
    "Variables with plain names are those of an environment. An empty one is left out if one does not say otherwise.",
    {
      before: `ConfigProvider.fromMap(new Map([["KEY", "a"]]))`,
      after: `ConfigProvider.fromEnvRecord(Object.fromEntries(new Map([["KEY", "a"]])), { preserveEmptyStrings: true })`
    },
    ({ args }, { value }) =>
      `${value("effect/ConfigProvider#fromEnvRecord")}(Object.fromEntries(${args[0]}), { preserveEmptyStrings: true })`
  )
]
