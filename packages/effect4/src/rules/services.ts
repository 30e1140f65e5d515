/**
 * Services whose types, constructors or forms differ.
 */
import ts from "typescript-5.9"
import type { Rewriting, Rule } from "../rule.ts"
import { call } from "./calls.ts"

const FETCH = "@effect/platform/FetchHttpClient#Fetch"

const isReferenceTo = (node: ts.Node, name: string, { key }: Rewriting): boolean =>
  ts.isTypeReferenceNode(node) && key(node.typeName) === name

/** Whether a type names a service that is needed or provided: an argument of a type, and not the result of an effect. */
const isRequirement = (node: ts.Node, { key }: Rewriting): boolean => {
  let at = node
  while (ts.isUnionTypeNode(at.parent)) at = at.parent
  const { parent } = at
  if (!ts.isTypeReferenceNode(parent)) return false
  return !(key(parent.typeName) === "effect/Effect#Effect" && parent.typeArguments?.[0] === at)
}

/** A rule for a class of Effect 4 whose name is the service itself no more. */
const serviceType = (key: string): Rule => ({
  name: `${key} as a type`,
  reason: "The name of the service is no name of what implements it.",
  example: {
    before: "(server: HttpServer.HttpServer) => void",
    after: `(server: HttpServer.HttpServer["Service"]) => void`
  },
  apply: (node, rewriting) =>
    isReferenceTo(node, key, rewriting) && !isRequirement(node, rewriting)
      ? `${rewriting.children(node)}["Service"]`
      : undefined
})

export const services: ReadonlyArray<Rule> = [
  {
    name: `${FETCH} in a union`,
    reason: "The function is a reference, which every context has.",
    example: {
      before: "Layer.Layer<HttpClient.HttpClient | FetchHttpClient.Fetch>",
      after: "Layer.Layer<HttpClient.HttpClient>"
    },
    apply: (node, rewriting) => {
      if (!ts.isUnionTypeNode(node)) return undefined
      const rest = node.types.filter((type) => !isReferenceTo(type, FETCH, rewriting))
      return rest.length < node.types.length ? rest.map(rewriting.text).join(" | ") || "never" : undefined
    }
  },
  serviceType("@effect/platform/HttpServer#HttpServer"),
  {
    name: "effect/Utils#YieldWrap",
    reason: "A generator yields its effects as they are.",
    example: {
      before: "type A = Generator<Utils.YieldWrap<Effect.Effect<void>>>",
      after: "type A = Generator<Effect.Effect<void>>"
    },
    apply: (node, rewriting) =>
      ts.isTypeReferenceNode(node) && isReferenceTo(node, "effect/Utils#YieldWrap", rewriting)
        ? node.typeArguments?.map(rewriting.text).join(", ")
        : undefined
  },
  call("effect/Random#nextIntBetween", "The upper bound is part of the range if one does not say otherwise.", {
    before: "Random.nextIntBetween(0, 10)",
    after: "Random.nextIntBetween(0, 10, { halfOpen: true })"
  }, ({ args }, { value }) => `${value("effect/Random#nextIntBetween")}(${args.join(", ")}, { halfOpen: true })`),
  {
    name: "@effect/platform/FileSystem#File.Info.ino",
    reason: "The number of an inode is a bigint.",
    example: {
      before: "const info: Partial<FileSystem.File.Info> = { ino: Option.some(1) }",
      after: "const info: Partial<FileSystem.File.Info> = { ino: Option.map(Option.some(1), BigInt) }"
    },
    apply: (node, { key, text, value }) =>
      ts.isPropertyAssignment(node) && key(node.name) === "@effect/platform/FileSystem#File.Info.ino" &&
        ts.isCallExpression(node.initializer) && key(node.initializer.expression) !== "effect/Option#none"
        ? `ino: ${value("effect/Option#map")}(${text(node.initializer)}, BigInt)`
        : undefined
  },
  {
    name: "@effect/platform/FileSystem#File.Info.dev",
    reason: "The number of a device is a bigint.",
    example: {
      before: "const info: Partial<FileSystem.File.Info> = { dev: 1 }",
      after: "const info: Partial<FileSystem.File.Info> = { dev: BigInt(1) }"
    },
    apply: (node, { key, text }) =>
      ts.isPropertyAssignment(node) && key(node.name) === "@effect/platform/FileSystem#File.Info.dev"
        ? `dev: BigInt(${text(node.initializer)})`
        : undefined
  }
]
