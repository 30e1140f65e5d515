/**
 * Rules for calls of one Effect 3 export.
 */
import ts from "typescript-5.9"
import type { Key, Rewriting, Rule } from "../rule.ts"

export interface Call {
  readonly node: ts.CallExpression
  /** The arguments, rewritten. */
  readonly args: ReadonlyArray<string>
  /** `<A, B>`, rewritten, or nothing. */
  readonly typeArguments: string
}

/** Texts are made when a rule asks for them, so that nothing is imported for a text that no rule uses. */
const lazily = (node: ts.CallExpression, { text }: Rewriting): Call => ({
  node,
  get args() {
    return node.arguments.map(text)
  },
  get typeArguments() {
    const types = node.typeArguments?.map(text).join(", ")
    return types === undefined ? "" : `<${types}>`
  }
})

/** A rule that rewrites the calls of an export as a whole. */
export const call = (
  key: Key,
  reason: string,
  example: Rule["example"],
  rewrite: (call: Call, rewriting: Rewriting) => string | undefined
): Rule => ({
  name: key,
  reason,
  example,
  apply: (node, rewriting) => {
    if (!ts.isCallExpression(node) || rewriting.key(node.expression) !== key) return undefined
    return rewrite(lazily(node, rewriting), rewriting)
  }
})

/** A rule that replaces `M.name`, called or not. */
export const value = (
  key: Key,
  reason: string,
  example: Rule["example"],
  rewrite: (rewriting: Rewriting, node: ts.Node) => string | undefined
): Rule => ({
  name: key,
  reason,
  example,
  apply: (node, rewriting) =>
    ts.isPropertyAccessExpression(node) && rewriting.key(node) === key ? rewrite(rewriting, node) : undefined
})

/** The text of what a function without parameters returns: the body of `() => body`, or a call of the function. */
export const result = (node: ts.Expression, rewriting: Rewriting): string =>
  ts.isArrowFunction(node) && !ts.isBlock(node.body) && node.parameters.length === 0
    ? unparenthesized(rewriting.text(node.body))
    : `(${rewriting.text(node)})()`

/** `({ … })` stands in an arrow function only. */
const unparenthesized = (text: string): string => /^\(\{[\s\S]*\}\)$/.test(text) ? text.slice(1, -1) : text

/** The property of an object literal. */
export const property = (node: ts.Expression, name: string): ts.Expression | undefined => {
  if (!ts.isObjectLiteralExpression(node)) return undefined
  const found = node.properties.find((own) =>
    own.name !== undefined && ts.isIdentifier(own.name) && own.name.text === name
  )
  return found !== undefined && ts.isPropertyAssignment(found)
    ? found.initializer
    : found !== undefined && ts.isShorthandPropertyAssignment(found)
    ? found.name
    : undefined
}
