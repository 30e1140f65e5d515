/**
 * Fibers and what runs them.
 */
import ts from "typescript-5.9"
import type { Rule } from "../rule.ts"
import { property, value } from "./calls.ts"

/** A rule for the calls of a method. */
const method = (
  key: string,
  reason: string,
  example: Rule["example"],
  rewrite: (fiber: string, call: ts.CallExpression) => string
): Rule => ({
  name: key,
  reason,
  example,
  apply: (node, { key: keyOf, text }) => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return undefined
    if (keyOf(node.expression) !== key) return undefined
    const dot = node.expression.questionDotToken === undefined ? "." : "?."
    return rewrite(`${text(node.expression.expression)}${dot}`, node)
  }
})

export const fibers: ReadonlyArray<Rule> = [
  method(
    "effect/Fiber#RuntimeFiber.unsafeInterruptAsFork",
    "A fiber does not say who interrupts another.",
    {
      given: "declare const fiber: Fiber.RuntimeFiber<number>",
      before: "fiber.unsafeInterruptAsFork(FiberId.none)",
      after: "fiber.interruptUnsafe()"
    },
    (fiber) => `${fiber}interruptUnsafe()`
  ),
  method(
    "effect/Fiber#RuntimeFiber.unsafePoll",
    "A fiber that runs has the exit `undefined`, and `null` before.",
    {
      given: "declare const fiber: Fiber.RuntimeFiber<number>",
      before: "const exit = fiber.unsafePoll()",
      after: "const exit = (fiber.pollUnsafe() ?? null)"
    },
    (fiber, { parent }) => {
      const isDefaulted = ts.isBinaryExpression(parent) &&
        parent.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken
      // A statement that begins with a parenthesis would belong to the line before.
      return isDefaulted || ts.isExpressionStatement(parent)
        ? `${fiber}pollUnsafe()`
        : `(${fiber}pollUnsafe() ?? null)`
    }
  ),
  {
    name: "effect/Runtime#Runtime.context",
    reason: "The context is all that a runtime has.",
    example: {
      given: "declare const runtime: Runtime.Runtime<never>",
      before: "runtime.context",
      after: "runtime"
    },
    apply: (node, { key, text }) =>
      ts.isPropertyAccessExpression(node) && key(node) === "effect/Runtime#Runtime.context"
        ? text(node.expression)
        : undefined
  },
  value("effect/Runtime#defaultRuntime", "The context is all that a runtime has.", {
    before: "Runtime.defaultRuntime",
    after: "Context.empty()"
  }, ({ value }) => `${value("effect/Context#empty")}()`),
  value("effect/DefaultServices#liveServices", "The default services are references, which every context has.", {
    before: "DefaultServices.liveServices",
    after: "Context.empty()"
  }, ({ value }) => `${value("effect/Context#empty")}()`),
  value("effect/ExecutionStrategy#sequential", "A strategy is a text.", {
    before: "ExecutionStrategy.sequential",
    after: `"sequential"`
  }, () => `"sequential"`),
  {
    name: "effect/Runtime#RunForkOptions.scope",
    reason: "A scope ends a fiber that runs in it.",
    example: {
      before: "Runtime.runFork(runtime)(work, { scope })",
      after: "Fiber.runIn(Effect.runForkWith(runtime)(work), scope)"
    },
    apply: (node, { key, text, value }) => {
      if (!ts.isCallExpression(node) || !ts.isCallExpression(node.expression)) return undefined
      const [work, options] = node.arguments
      if (key(node.expression.expression) !== "effect/Runtime#runFork" || work === undefined) return undefined
      // The other options have other names, and nothing here needs them.
      if (options === undefined || !ts.isObjectLiteralExpression(options) || options.properties.length > 1) {
        return undefined
      }
      const scope = property(options, "scope")
      return scope && `${value("effect/Fiber#runIn")}(${text(node.expression)}(${text(work)}), ${text(scope)})`
    }
  }
]
