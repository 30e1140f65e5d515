/**
 * Causes, randomness, metrics, tracers and services, as tests and examples use them.
 */
import ts from "typescript-5.9"
import type { Rule } from "../rule.ts"
import { call, property, value } from "./calls.ts"

const E = "effect/Effect#"

export const runtime: ReadonlyArray<Rule> = [
  call(`${E}yieldNow`, "Nothing is an argument of `yieldNow`, so it is no function.", {
    before: "Effect.yieldNow()",
    after: "Effect.yieldNow"
  }, ({ args }, { value }) => args.length === 0 ? value(`${E}yieldNow`) : undefined),
  call(`${E}tagMetrics`, "The attributes of metrics are a reference.", {
    before: `Effect.tagMetrics(effect, "name", "value")`,
    after: `Effect.updateService(effect, Metric.CurrentMetricAttributes, (all) => ({ ...all, ["name"]: "value" }))`
  }, ({ args }, { value }) => {
    const [key, text] = args.slice(-2)
    const change = `(all) => ({ ...all, [${key}]: ${text} })`
    const attributes = value("effect/Metric#CurrentMetricAttributes")
    return `${value(`${E}updateService`)}(${[...args.slice(0, -2), attributes, change].join(", ")})`
  }),
  call(`${E}serviceOption`, "A reference has a default value, which counts as none.", {
    before: "Effect.serviceOption(FetchHttpClient.Fetch)",
    after:
      "Effect.map(FetchHttpClient.Fetch, (own) => own === Context.get(Context.empty(), FetchHttpClient.Fetch) ? Option.none() : Option.some(own))"
  }, ({ args, node }, { key, value }) => {
    const [service] = node.arguments
    if (service === undefined || key(service) !== "@effect/platform/FetchHttpClient#Fetch") return undefined
    const [fetch] = args
    const initial = `${value("effect/Context#get")}(${value("effect/Context#empty")}(), ${fetch})`
    const none = `${value("effect/Option#none")}()`
    const some = `${value("effect/Option#some")}(own)`
    return `${value(`${E}map`)}(${fetch}, (own) => own === ${initial} ? ${none} : ${some})`
  }),
  call("effect/Random#fixed", "A source of randomness is an object of two functions.", {
    before: "Random.fixed([0])",
    after: "{ nextDoubleUnsafe: () => 0, nextIntUnsafe: () => 0 }"
  }, ({ node }, { text }) => {
    const [values] = node.arguments
    if (values === undefined || !ts.isArrayLiteralExpression(values)) return undefined
    const [only, ...others] = values.elements.map(text)
    if (only === undefined || others.length > 0) return undefined
    return `{ nextDoubleUnsafe: () => ${only}, nextIntUnsafe: () => ${only} }`
  }),
  value("effect/TestContext#TestContext", "The services of tests are the clock alone.", {
    before: "TestContext.TestContext",
    after: "TestClock.layer()"
  }, ({ value }) => `${value("effect/testing/TestClock#layer")}()`),
  call("effect/Data#struct", "Objects are equal by their values.", {
    before: "Data.struct({ a: 1 })",
    after: "({ a: 1 })"
  }, ({ args }) => `(${args.join(", ")})`),
  call("effect/Fiber#interruptFork", "A fiber can be interrupted without waiting for its end.", {
    before: "Fiber.interruptFork(fiber)",
    after: "Effect.sync(() => fiber.interruptUnsafe())"
  }, ({ args }, { value }) => `${value(`${E}sync`)}(() => ${args.join(", ")}.interruptUnsafe())`),
  call("effect/Cause#interrupt", "A cause names no fiber here.", {
    before: "Cause.interrupt(FiberId.none)",
    after: "Cause.interrupt()"
  }, ({ node }, { value }) => node.arguments.length === 1 ? `${value("effect/Cause#interrupt")}()` : undefined),
  call("effect/Exit#interrupt", "An exit names no fiber here.", {
    before: "Exit.interrupt(FiberId.none)",
    after: "Exit.interrupt()"
  }, ({ node }, { value }) => node.arguments.length === 1 ? `${value("effect/Exit#interrupt")}()` : undefined),
  call("effect/Cause#pretty", "The causes of errors are always shown.", {
    before: "Cause.pretty(cause, { renderErrorCause: true })",
    after: "Cause.pretty(cause)"
  }, ({ args }, { value }) => args.length === 2 ? `${value("effect/Cause#pretty")}(${args[0]})` : undefined),
  value("effect/Cause#originalError", "An error that fails an effect stays the same object.", {
    before: "Effect.map(Effect.flip(effect), Cause.originalError)",
    after: "Effect.map(Effect.flip(effect), Function.identity)"
  }, ({ value }) => value("effect/Function#identity")),
  call("effect/Runtime#makeFiberFailure", "A promise rejects with the error itself.", {
    before: "Runtime.makeFiberFailure(cause)",
    after: "Cause.squash(cause)"
  }, ({ args }, { value }) => `${value("effect/Cause#squash")}(${args.join(", ")})`),
  {
    name: "effect/Tracer#Tracer.context",
    reason: "A tracer need not run the steps of fibers, and most do not.",
    example: {
      before: "Tracer.make({ context: (f, fiber) => tracer.context(f, fiber), span })",
      after: "Tracer.make({ span })"
    },
    apply: (node, { key, text, value }) => {
      if (!ts.isCallExpression(node) || key(node.expression) !== "effect/Tracer#make") return undefined
      const [members] = node.arguments
      if (members === undefined || !ts.isObjectLiteralExpression(members)) return undefined
      const kept = members.properties.filter((own) => own.name?.getText() !== "context")
      return `${value("effect/Tracer#make")}({ ${kept.map(text).join(", ")} })`
    }
  },
  {
    name: "effect/Effect#Service",
    reason: "A service holds how it is made, and a layer is made of that. The layer is given what the service needs.",
    example: {
      before: `class A extends Effect.Service<A>()("a", { scoped: make, dependencies: [layer] }) {}`,
      after: `class A extends Context.Service<A>()("a", { make: make }) ` +
        `{ static readonly Default = Layer.effect(A, A.make).pipe(Layer.provide([layer])) }`
    },
    apply: (node, { key, text, value }) => {
      if (!ts.isClassDeclaration(node) || node.name === undefined) return undefined
      const base = node.heritageClauses?.[0]?.types[0]?.expression
      if (base === undefined || !ts.isCallExpression(base) || !ts.isCallExpression(base.expression)) return undefined
      if (key(base.expression.expression) !== `${E}Service`) return undefined
      const [id, options] = base.arguments
      const make = options && (property(options, "scoped") ?? property(options, "effect"))
      if (id === undefined || options === undefined || make === undefined || node.members.length > 0) return undefined
      const name = node.name.text
      const service = `${value("effect/Context#Service")}<${name}>()(${text(id)}, { make: ${text(make)} })`
      const dependencies = property(options, "dependencies")
      const provided = dependencies && `.pipe(${value("effect/Layer#provide")}(${text(dependencies)}))`
      const layer = `${value("effect/Layer#effect")}(${name}, ${name}.make)${provided ?? ""}`
      return `class ${name} extends ${service} { static readonly Default = ${layer} }`
    }
  }
]
