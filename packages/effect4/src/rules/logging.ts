/**
 * Log levels, loggers, and the places where fibers find them.
 */
import ts from "typescript-5.9"
import type { Rule } from "../rule.ts"
import { call, value } from "./calls.ts"

const LEVEL = "effect/LogLevel#"

/** A log level of Effect 3, and the text that it is in Effect 4. */
const level = (name: string, text: string): Rule =>
  value(`${LEVEL}${name}`, "A log level is its name.", {
    before: `LogLevel.${name}`,
    after: `"${text}"`
  }, () => `"${text}"`)

export const logging: ReadonlyArray<Rule> = [
  level("All", "All"),
  level("Warning", "Warn"),
  level("Info", "Info"),
  level("Debug", "Debug"),
  level("None", "None"),
  {
    name: `${LEVEL}label`,
    reason: "A log level is its name; its label has capital letters.",
    example: {
      before: "Logger.make(({ logLevel }) => logLevel.label)",
      after: "Logger.make(({ logLevel }) => logLevel.toUpperCase())"
    },
    apply: (node, { key, text }) =>
      ts.isPropertyAccessExpression(node) && /^effect\/LogLevel#\w+\.label$/.test(key(node) ?? "")
        ? `${text(node.expression)}.toUpperCase()`
        : undefined
  },
  {
    name: "effect/Logger#Logger.Options.annotations",
    reason: "The fiber that logs has the annotations, as a record.",
    example: {
      before: "Logger.make((entry) => Object.fromEntries(entry.annotations))",
      after:
        "Logger.make((entry) => Object.fromEntries(Object.entries(entry.fiber.getRef(References.CurrentLogAnnotations))))"
    },
    apply: (node, { key, text, value }) =>
      ts.isPropertyAccessExpression(node) && key(node) === "effect/Logger#Logger.Options.annotations"
        ? `Object.entries(${text(node.expression)}.fiber.getRef(${value("effect/References#CurrentLogAnnotations")}))`
        : undefined
  },
  value("effect/Logger#json", "A layer of loggers names them.", {
    before: "Effect.provide(effect, Logger.json)",
    after: "Effect.provide(effect, Logger.layer([Logger.consoleJson]))"
  }, ({ value }) => `${value("effect/Logger#layer")}([${value("effect/Logger#consoleJson")}])`),
  call(
    "effect/Logger#withMinimumLogLevel",
    "The minimum log level is a reference.",
    {
      before: "Logger.withMinimumLogLevel(effect, LogLevel.Debug)",
      after: `Effect.provideService(effect, References.MinimumLogLevel, "Debug")`
    },
    ({ args }, { value }) =>
      `${value("effect/Effect#provideService")}(${
        [...args.slice(0, -1), value("effect/References#MinimumLogLevel"), args.at(-1)].join(", ")
      })`
  ),
  call(
    "effect/Logger#minimumLogLevel",
    "The minimum log level is a reference.",
    {
      before: "Logger.minimumLogLevel(LogLevel.None)",
      after: `Layer.succeed(References.MinimumLogLevel, "None")`
    },
    ({ args }, { value }) =>
      `${value("effect/Layer#succeed")}(${value("effect/References#MinimumLogLevel")}, ${args.join(", ")})`
  ),
  call("effect/Logger#add", "One layer has all loggers, and says whether it keeps those that are there.", {
    before: "Logger.add(logger)",
    after: "Logger.layer([logger], { mergeWithExisting: true })"
  }, ({ args }, { value }) => `${value("effect/Logger#layer")}([${args.join(", ")}], { mergeWithExisting: true })`),
  call("effect/Logger#replace", "One layer has all loggers, and it is given all that are left.", {
    before: "Logger.replace(Logger.defaultLogger, logger)",
    after: "Logger.layer([logger])"
  }, ({ args }, { value }) => `${value("effect/Logger#layer")}([${args.at(-1)}])`)
]
