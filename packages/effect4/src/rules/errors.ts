/**
 * Errors of HTTP clients and of the platform: Effect 4 has one error for each, which holds its reason.
 */
import ts from "typescript-5.9"
import type { Rewriting, Rule } from "../rule.ts"
import { property } from "./calls.ts"

const HTTP = "@effect/platform/HttpClientError#"
const PLATFORM = "@effect/platform/Error#"

const OLD = /^@effect\/platform\/HttpClientError#(?:Request|Response)Error$/

/** `reason` of the Effect 3 errors to the class of the reason in Effect 4. */
const REASONS: Readonly<Record<string, string>> = {
  Transport: "TransportError",
  Encode: "EncodeError",
  InvalidUrl: "InvalidUrlError",
  StatusCode: "StatusCodeError",
  Decode: "DecodeError",
  EmptyBody: "EmptyBodyError"
}

/** The fields of an object literal besides one, rewritten. */
const others = (node: ts.ObjectLiteralExpression, name: string, { text }: Rewriting): ReadonlyArray<string> =>
  node.properties.filter((own) => own.name === undefined || own.name.getText() !== name).map(text)

/** A rule for `new X({ … })`. */
const construction = (
  key: string,
  reason: string,
  example: Rule["example"],
  rewrite: (fields: ts.ObjectLiteralExpression, rewriting: Rewriting) => string | undefined
): Rule => ({
  name: `new ${key}`,
  reason,
  example,
  apply: (node, rewriting) => {
    if (!ts.isNewExpression(node) || rewriting.key(node.expression) !== key) return undefined
    const [fields] = node.arguments ?? []
    return fields !== undefined && ts.isObjectLiteralExpression(fields) ? rewrite(fields, rewriting) : undefined
  }
})

const isReason = (node: ts.Node, { key }: Rewriting): boolean =>
  ts.isPropertyAccessExpression(node) && node.name.text === "reason" &&
  (key(node) === `${HTTP}RequestError.reason` || key(node) === `${HTTP}ResponseError.reason`)

/** What a text is compared with: `a === "text"`, `strictEqual(a, "text")` or `expect(a).toBe("text")`. */
const compared = (node: ts.StringLiteral): ReadonlyArray<ts.Node> => {
  const { parent } = node
  if (ts.isBinaryExpression(parent)) return [parent.left, parent.right]
  if (!ts.isCallExpression(parent)) return []
  const { expression } = parent
  return ts.isPropertyAccessExpression(expression) && ts.isCallExpression(expression.expression)
    ? [...parent.arguments, ...expression.expression.arguments]
    : parent.arguments
}

export const errors: ReadonlyArray<Rule> = [
  {
    name: "HTTP errors with a literal reason",
    reason: "Each reason is a class, and `HttpClientError` holds one of them.",
    example: {
      before: `new HttpClientError.RequestError({ request, reason: "Transport" })`,
      after: `new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request }) })`
    },
    apply: (node, rewriting) => {
      if (!ts.isNewExpression(node) || !OLD.test(rewriting.key(node.expression) ?? "")) return undefined
      const [fields] = node.arguments ?? []
      if (fields === undefined || !ts.isObjectLiteralExpression(fields)) return undefined
      const reason = property(fields, "reason")
      const name = reason !== undefined && ts.isStringLiteral(reason) ? REASONS[reason.text] : undefined
      if (name === undefined) return undefined
      const module = "effect/http/HttpClientError#"
      const made = `new ${rewriting.value(`${module}${name}`)}({ ${others(fields, "reason", rewriting).join(", ")} })`
      return `new ${rewriting.value(`${module}HttpClientError`)}({ reason: ${made} })`
    }
  },
  {
    name: "tag of an HTTP error",
    reason: "All errors of an HttpClient have one tag.",
    example: {
      before: `Effect.catchTag("RequestError", handle)`,
      after: `Effect.catchTag("HttpClientError", handle)`
    },
    apply: (node, { key }) => {
      if (!ts.isStringLiteral(node) || !/^(?:Request|Response)Error$/.test(node.text)) return undefined
      const { parent } = node
      return ts.isCallExpression(parent) && key(parent.expression) === "effect/Effect#catchTag"
        ? `"HttpClientError"`
        : undefined
    }
  },
  {
    name: `${HTTP}RequestError.reason`,
    reason: "The reason of an HttpClientError is an error of its own.",
    example: {
      given: "declare const error: HttpClientError.RequestError",
      before: "error.reason",
      after: "error.reason._tag"
    },
    apply: (node, rewriting) => isReason(node, rewriting) ? `${rewriting.children(node)}._tag` : undefined
  },
  {
    name: `${HTTP}RequestError.reason compared`,
    reason: "The tags of these errors end in `Error`.",
    example: {
      given: "declare const error: HttpClientError.RequestError",
      before: `error.reason === "Transport"`,
      after: `error.reason._tag === "TransportError"`
    },
    apply: (node, rewriting) =>
      ts.isStringLiteral(node) && compared(node).some((other) => isReason(other, rewriting))
        ? `"${node.text}Error"`
        : undefined
  },
  construction(`${PLATFORM}SystemError`, "A PlatformError holds the error of the system, whose tag is its reason.", {
    before: `new Error.SystemError({ reason: "NotFound", module: "FileSystem", method: "stat" })`,
    after: `PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method: "stat" })`
  }, (fields, rewriting) => {
    const reason = property(fields, "reason")
    if (reason === undefined) return undefined
    const rest = others(fields, "reason", rewriting)
    const all = [`_tag: ${rewriting.text(reason)}`, ...rest].join(", ")
    return `${rewriting.value("effect/PlatformError#systemError")}({ ${all} })`
  }),
  construction(`${PLATFORM}BadArgument`, "A PlatformError holds the wrong argument.", {
    before: `new Error.BadArgument({ module: "FileSystem", method: "stat" })`,
    after: `PlatformError.badArgument({ module: "FileSystem", method: "stat" })`
  }, (fields, { text, value }) => `${value("effect/PlatformError#badArgument")}(${text(fields)})`)
]
