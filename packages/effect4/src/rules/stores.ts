/**
 * Key-value stores: what is absent is `undefined` and no Option, and failures are errors of the store.
 */
import ts from "typescript-5.9"
import type { Rule } from "../rule.ts"
import { property } from "./calls.ts"

const READS = /^@effect\/platform\/KeyValueStore#KeyValueStore\.get(?:Uint8Array)?$/

const MAKES = /^@effect\/platform\/KeyValueStore#make(?:StringOnly)?$/

export const stores: ReadonlyArray<Rule> = [
  {
    name: "@effect/platform/KeyValueStore#KeyValueStore.get called",
    reason: "A store gives `undefined` for what is absent.",
    example: {
      given: "declare const store: KeyValueStore.KeyValueStore\ndeclare const name: string",
      before: "store.get(name)",
      after: "Effect.map(store.get(name), Option.fromUndefinedOr)"
    },
    apply: (node, { children, key, value }) =>
      ts.isCallExpression(node) && READS.test(key(node.expression) ?? "")
        ? `${value("effect/Effect#map")}(${children(node)}, ${value("effect/Option#fromUndefinedOr")})`
        : undefined
  },
  {
    name: "@effect/platform/KeyValueStore#KeyValueStore.get written",
    reason: "A store gives `undefined` for what is absent.",
    example: {
      before: "const store: Partial<KeyValueStore.KeyValueStore> = { get: (name) => Effect.succeedNone }",
      after:
        "const store: Partial<KeyValueStore.KeyValueStore> = { get: (name) => Effect.map(Effect.succeedNone, Option.getOrUndefined) }"
    },
    apply: (node, { key, text, value }) => {
      if (!ts.isPropertyAssignment(node) || !READS.test(key(node.name) ?? "")) return undefined
      const { initializer } = node
      if (!ts.isArrowFunction(initializer) || ts.isBlock(initializer.body)) return undefined
      const body = `${value("effect/Effect#map")}(${text(initializer.body)}, ${value("effect/Option#getOrUndefined")})`
      return `${node.name.getText()}: (${initializer.parameters.map(text).join(", ")}) => ${body}`
    }
  },
  {
    name: "@effect/platform/KeyValueStore#make",
    reason: "A store lists its keys, which nothing here asks for.",
    example: {
      before: "KeyValueStore.make({ size: Effect.succeed(0) })",
      after: `KeyValueStore.make({ size: Effect.succeed(0), keys: Effect.die(new Error("no list of keys")) })`
    },
    apply: (node, { key, text, value }) => {
      if (!ts.isCallExpression(node) || !MAKES.test(key(node.expression) ?? "")) return undefined
      const [members] = node.arguments
      if (members === undefined || !ts.isObjectLiteralExpression(members)) return undefined
      const keys = `keys: ${value("effect/Effect#die")}(new Error("no list of keys"))`
      return `${text(node.expression)}({ ${[...members.properties.map(text), keys].join(", ")} })`
    }
  },
  {
    name: "new @effect/platform/Error#SystemError of a KeyValueStore",
    reason: "A store fails with an error of its own, whose cause is that of the platform.",
    example: {
      before: `new Error.SystemError({ reason: "WriteZero", module: "KeyValueStore", method: "set" })`,
      after:
        `new KeyValueStore.KeyValueStoreError({ method: "set", message: "", cause: PlatformError.systemError({ _tag: "WriteZero", module: "KeyValueStore", method: "set", description: "" }) })`
    },
    apply: (node, { key, text, value }) => {
      if (!ts.isNewExpression(node) || key(node.expression) !== "@effect/platform/Error#SystemError") return undefined
      const [fields] = node.arguments ?? []
      if (fields === undefined || !ts.isObjectLiteralExpression(fields)) return undefined
      const [description, method, module, reason] = ["description", "method", "module", "reason"].map((name) =>
        property(fields, name)
      )
      if (module === undefined || !ts.isStringLiteral(module) || module.text !== "KeyValueStore") return undefined
      if (method === undefined || reason === undefined) return undefined
      const shown = description === undefined ? `""` : text(description)
      const cause = `${value("effect/PlatformError#systemError")}({ _tag: ${text(reason)}, module: ${
        text(module)
      }, method: ${text(method)}, description: ${shown} })`
      const store = value("effect/persistence/KeyValueStore#KeyValueStoreError")
      return `new ${store}({ method: ${text(method)}, message: ${shown}, cause: ${cause} })`
    }
  }
]
