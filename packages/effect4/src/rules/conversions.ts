/**
 * An Either, an Option and an error were effects in Effect 3. Types decide where one is used as an effect.
 */
import ts from "typescript-5.9"
import { keyOfSymbol } from "../apiKey.ts"
import type { Wrap } from "../rewriteFile.ts"
import type { Rewriting } from "../rule.ts"

const parts = (type: ts.Type): ReadonlyArray<ts.Type> => type.isUnion() ? type.types : [type]

const nameOf = (type: ts.Type): string | undefined => {
  const symbol = type.getSymbol()
  return symbol === undefined ? undefined : keyOfSymbol(symbol)
}

/** Whether each member of a type is one of the named types of Effect. */
const isOnly = (type: ts.Type, names: ReadonlySet<string>): boolean => {
  const all = parts(type).filter((part) => !(part.flags & ts.TypeFlags.Never))
  return all.length > 0 && all.every((part) => names.has(nameOf(part) ?? ""))
}

const EITHER = new Set(["effect/Either#Left", "effect/Either#Right"])
const OPTION = new Set(["effect/Option#None", "effect/Option#Some"])
const FIBER = new Set(["effect/Fiber#Fiber", "effect/Fiber#RuntimeFiber"])
const EFFECT = new Set(["effect/Effect#Effect"])

/** Whether the place of an expression takes an effect. */
const takesEffect = (node: ts.Expression, { checker, key }: Rewriting): boolean => {
  const { parent } = node
  if (ts.isYieldExpression(parent) && parent.asteriskToken !== undefined) return isEffectGenerator(parent, key)
  const pipe = pipeOf(node)
  if (pipe !== undefined) return pipesEffect(pipe, checker)
  const wanted = contextual(node, checker)
  return wanted !== undefined && parts(wanted).some((part) => EFFECT.has(nameOf(part) ?? ""))
}

/** The contextual type, also of what a generic callback returns. */
const contextual = (node: ts.Expression, checker: ts.TypeChecker): ts.Type | undefined => {
  const own = checker.getContextualType(node)
  if (own === undefined) return undefined
  return own.flags & ts.TypeFlags.TypeParameter ? checker.getBaseConstraintOfType(own) ?? own : own
}

/** The call `node.pipe(…)`. */
const pipeOf = (node: ts.Expression): ts.CallExpression | undefined => {
  const { parent } = node
  return ts.isPropertyAccessExpression(parent) && parent.expression === node && parent.name.text === "pipe" &&
      ts.isCallExpression(parent.parent)
    ? parent.parent
    : undefined
}

/** Whether the first function of a pipe takes an effect. */
const pipesEffect = (call: ts.CallExpression, checker: ts.TypeChecker): boolean => {
  const [first] = call.arguments
  const signature = first && checker.getTypeAtLocation(first).getCallSignatures()[0]
  const parameter = signature?.getParameters()[0]
  return parameter !== undefined && first !== undefined &&
    parts(checker.getTypeOfSymbolAtLocation(parameter, first)).some((part) => EFFECT.has(nameOf(part) ?? ""))
}

/** Whether the generator around a `yield*` is one of `Effect.gen` or `Effect.fn`. */
const isEffectGenerator = (node: ts.Node, key: Rewriting["key"]): boolean => {
  let at = node.parent
  while (!ts.isFunctionLike(at)) at = at.parent
  const call = at.parent
  return ts.isCallExpression(call) && /^effect\/Effect#(gen|fn)/.test(key(call.expression) ?? "")
}

/** Whether an expression is a whole, and not a part that an inner expression stands for. */
const isLeaf = (node: ts.Expression): boolean =>
  !ts.isConditionalExpression(node) && !ts.isParenthesizedExpression(node) && !ts.isFunctionLike(node) &&
  !ts.isYieldExpression(node) && !ts.isObjectLiteralExpression(node) && !ts.isArrayLiteralExpression(node) &&
  !isCallee(node)

const isCallee = (node: ts.Expression): boolean =>
  (ts.isCallExpression(node.parent) || ts.isNewExpression(node.parent)) && node.parent.expression === node ||
  ts.isPropertyAccessExpression(node.parent) && (node.parent.name === node || pipeOf(node) === undefined)

const conversion = (
  name: string,
  reason: string,
  to: string,
  applies: (type: ts.Type) => boolean,
  example: Wrap["example"]
): Wrap => ({
  name,
  reason,
  example,
  apply: (node, text, rewriting) => {
    if (!isLeaf(node)) return undefined
    const type = rewriting.checker.getTypeAtLocation(node)
    if (!applies(type) || !takesEffect(node, rewriting)) return undefined
    return `${rewriting.value(to)}(${text})`
  }
})

const DURATION = new Set(["effect/Duration#Duration"])

/** Functions that take a Duration only, and how many of their first arguments are one. */
const takesDuration: Readonly<Record<string, number>> = {
  "effect/Duration#format": 1,
  "effect/Duration#times": 1,
  "effect/Duration#min": 2,
  "effect/Duration#max": 2,
  "effect/Duration#sum": 2
}

const durationInput: Wrap = {
  name: "Duration input",
  reason: "Functions of Duration take a Duration, and no text or number.",
  example: {
    before: `Duration.format("1 second")`,
    after: `Duration.format(Duration.fromInputUnsafe("1 second"))`
  },
  apply: (node, text, { checker, key, value }) => {
    const { parent } = node
    if (!ts.isCallExpression(parent) || parent.expression === node) return undefined
    const count = takesDuration[key(parent.expression) ?? ""]
    if (count === undefined || parent.arguments.indexOf(node) >= count) return undefined
    // `Duration.times(2)` is piped through.
    if (parent.arguments.length === 1 && key(parent.expression) === "effect/Duration#times") return undefined
    return isOnly(checker.getTypeAtLocation(node), DURATION)
      ? undefined
      : `${value("effect/Duration#fromInputUnsafe")}(${text})`
  }
}

export const conversions: ReadonlyArray<Wrap> = [
  durationInput,
  conversion(
    "Either as an effect",
    "A Result is no effect.",
    "effect/Effect#fromResult",
    (type) => isOnly(type, EITHER),
    {
      before: "Effect.gen(function*() { yield* Either.right(1) })",
      after: "Effect.gen(function*() { yield* Effect.fromResult(Result.succeed(1)) })"
    }
  ),
  conversion(
    "Option as an effect",
    "An Option is no effect.",
    "effect/Effect#fromOption",
    (type) => isOnly(type, OPTION),
    {
      before: "Effect.gen(function*() { yield* Option.some(1) })",
      after: "Effect.gen(function*() { yield* Effect.fromOption(Option.some(1)) })"
    }
  ),
  conversion("Fiber as an effect", "A Fiber is no effect.", "effect/Fiber#join", (type) => isOnly(type, FIBER), {
    given: "declare const fiber: Fiber.RuntimeFiber<number>",
    before: "Effect.gen(function*() { yield* fiber })",
    after: "Effect.gen(function*() { yield* Fiber.join(fiber) })"
  })
]
