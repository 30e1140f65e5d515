/**
 * The errors of an `HttpClient`.
 */
import ts from "typescript-5.9"
import type { Rewriting, Rule } from "../rule.ts"
import { property } from "./calls.ts"

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

const withoutReason = (fields: ts.ObjectLiteralExpression, { text }: Rewriting): string => {
  const kept = fields.properties.filter((own) => own.name === undefined || own.name.getText() !== "reason")
  return `{ ${kept.map(text).join(", ")} }`
}

export const httpErrors: ReadonlyArray<Rule> = [
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
      return `new ${rewriting.value(`${module}HttpClientError`)}({ reason: new ${rewriting.value(`${module}${name}`)}(${
        withoutReason(fields, rewriting)
      }) })`
    }
  }
]
