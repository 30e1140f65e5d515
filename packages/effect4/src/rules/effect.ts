/**
 * Effects: constructors and combinators whose arguments differ.
 */
import ts from "typescript-5.9"
import type { Rule } from "../rule.ts"
import { call, property, result } from "./calls.ts"

const E = "effect/Effect#"

/** A combinator that provides one of the default services. */
const provided = (name: string, service: string): Rule =>
  call(`${E}${name}`, "The default services are references, which are provided as any other service.", {
    before: `Effect.${name}(effect, service)`,
    after: `Effect.provideService(effect, ${service.split(/[/#]/).slice(-2).join(".")}, service)`
  }, ({ args }, { value }) => {
    const [first, second] = args
    const provide = value(`${E}provideService`)
    return second === undefined
      ? `${provide}(${value(service)}, ${first})`
      : `${provide}(${first}, ${value(service)}, ${second})`
  })

export const effect: ReadonlyArray<Rule> = [
  {
    name: "effect/Context#Tag",
    reason: "A tag is made by `Context.Service`, which takes the types first.",
    example: {
      before: `class A extends Context.Tag("a")<A, number>() {}`,
      after: `class A extends Context.Service<A, number>()("a") {}`
    },
    apply: (node, { key, text, value }) => {
      if (!ts.isCallExpression(node) && !ts.isExpressionWithTypeArguments(node)) return undefined
      const inner = ts.isCallExpression(node) ? node.expression : undefined
      if (inner === undefined || !ts.isCallExpression(inner) || key(inner.expression) !== "effect/Context#Tag") {
        return undefined
      }
      const types = node.typeArguments?.map(text).join(", ") ?? ""
      return `${value("effect/Context#Service")}<${types}>()(${inner.arguments.map(text).join(", ")})`
    }
  },
  call(
    `${E}gen`,
    "`this` is an option.",
    {
      before: "Effect.gen(this, function*() {})",
      after: "Effect.gen({ self: this }, function*() {})"
    },
    ({ args, node }, { value }) =>
      node.arguments.length === 2 ? `${value(`${E}gen`)}({ self: ${args[0]} }, ${args[1]})` : undefined
  ),
  call(`${E}dieMessage`, "A defect is made of an error.", {
    before: `Effect.dieMessage("no")`,
    after: `Effect.die(new Error("no"))`
  }, ({ args }, { value }) => `${value(`${E}die`)}(new Error(${args.join(", ")}))`),
  call(`${E}timeoutFail`, "What happens after a time limit is an effect.", {
    before: `Effect.timeoutFail({ duration: "1 second", onTimeout: () => new Late() })`,
    after: `Effect.timeoutOrElse({ duration: "1 second", orElse: () => Effect.fail(new Late()) })`
  }, ({ args, node }, rewriting) => {
    const options = node.arguments.at(-1)
    const duration = options && property(options, "duration")
    const onTimeout = options && property(options, "onTimeout")
    if (duration === undefined || onTimeout === undefined) return undefined
    const { text, value } = rewriting
    const orElse = `() => ${value(`${E}fail`)}(${result(onTimeout, rewriting)})`
    const before = args.slice(0, -1).map((argument) => `${argument}, `).join("")
    return `${value(`${E}timeoutOrElse`)}(${before}{ duration: ${text(duration)}, orElse: ${orElse} })`
  }),
  call(
    `${E}repeatN`,
    "The number of repetitions is an option of `repeat`.",
    {
      before: "Effect.repeatN(effect, 3)",
      after: "Effect.repeat(effect, { times: 3 })"
    },
    ({ args }, { value }) => `${value(`${E}repeat`)}(${[...args.slice(0, -1), `{ times: ${args.at(-1)} }`].join(", ")})`
  ),
  provided("withClock", "effect/Clock#Clock"),
  provided("withRandom", "effect/Random#Random"),
  provided("withConfigProvider", "effect/ConfigProvider#ConfigProvider"),
  call("effect/Deferred#unsafeMake", "A deferred does not know the fiber that makes it.", {
    before: "Deferred.unsafeMake<number>(FiberId.none)",
    after: "Deferred.makeUnsafe<number>()"
  }, ({ typeArguments }, { value }) => `${value("effect/Deferred#makeUnsafe")}${typeArguments}()`),
  call(
    "effect/Duration#decode",
    "A negative duration stays negative; Effect 3 reads it as zero.",
    {
      before: `Duration.decode("1 second")`,
      after: `Duration.max(Duration.fromInputUnsafe("1 second"), Duration.zero)`
    },
    ({ args }, { value }) =>
      `${value("effect/Duration#max")}(${value("effect/Duration#fromInputUnsafe")}(${args.join(", ")}), ${
        value("effect/Duration#zero")
      })`
  ),
  call("effect/Order#tuple", "The orders of a tuple stand in an array.", {
    before: "Order.tuple(Order.string, Order.string)",
    after: "Order.Tuple([Order.String, Order.String])"
  }, ({ args }, { value }) => `${value("effect/Order#Tuple")}([${args.join(", ")}])`),
  call(`${E}locally`, "A reference is provided as a service.", {
    before: "Effect.locally(effect, Headers.currentRedactedNames, [])",
    after: "Effect.provideService(effect, Headers.CurrentRedactedNames, [])"
  }, ({ args }, { value }) => `${value(`${E}provideService`)}(${args.join(", ")})`),
  call(`${E}locallyWith`, "A reference is changed as a service.", {
    before: "Effect.locallyWith(effect, Headers.currentRedactedNames, change)",
    after: "Effect.updateService(effect, Headers.CurrentRedactedNames, change)"
  }, ({ args }, { value }) => `${value(`${E}updateService`)}(${args.join(", ")})`)
]
