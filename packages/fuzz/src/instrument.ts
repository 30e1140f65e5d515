/**
 * Counters in the sources. A hook of Node's module loader puts a counter into each function and each branch of the
 * packages while they are loaded, so that the fuzzer sees which parts an input reaches and how often.
 */
import MagicString from "magic-string"
import { registerHooks } from "node:module"
import { fileURLToPath } from "node:url"
import { parseSync, visitorKeys } from "oxc-parser"

/** The largest number of counters. All packages together have about 7,000 branches. */
const MAX_COUNTERS = 16_384

/** The counters of all instrumented sources. */
export const counters: Uint32Array = new Uint32Array(MAX_COUNTERS)

let used = 0

/** The number of counters that the sources loaded so far use. */
export const usedCounters = (): number => used

/** The text literals of the instrumented sources, which the mutations insert. */
export const literals: Set<string> = new Set()

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "type" in value

const childrenOf = (node: Node): ReadonlyArray<Node> =>
  (visitorKeys[node.type] ?? []).flatMap((key) => {
    const child = node[key]
    return Array.isArray(child) ? child.filter(isNode) : isNode(child) ? [child] : []
  })

const NAME = "__fuzzCounters"

/** Adds the counters to the text of a source. */
export const instrument = (file: string, text: string): string => {
  const { program } = parseSync(file, text)
  const edited = new MagicString(text)
  const count = () => `${NAME}[${used++ % MAX_COUNTERS}]++`
  const inExpression = (node: unknown) => {
    if (!isNode(node)) return
    edited.appendRight(node.start, `(${count()}, `)
    edited.prependLeft(node.end, ")")
  }
  /** @param after what follows the statement */
  const inStatement = (node: unknown, after = "") => {
    if (!isNode(node)) return
    if (node.type === "BlockStatement") {
      edited.appendRight(node.start + 1, `${count()};`)
      if (after !== "") edited.prependLeft(node.end, after)
    } else {
      edited.appendRight(node.start, `{${count()};`)
      edited.prependLeft(node.end, `}${after}`)
    }
  }
  const visit = (node: Node): void => {
    if (node.type.startsWith("TS") && !/^TS(?:As|Satisfies|NonNull|Instantiation)Expression$/.test(node.type)) return
    switch (node.type) {
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
        if (isNode(node["body"]) && /^(?:BlockStatement|FunctionBody)$/.test(node["body"].type)) {
          const body = node["body"]
          // A body of type `FunctionBody` begins at its brace as well.
          edited.appendRight(body.start + 1, `${count()};`)
        } else inExpression(node["body"])
        break
      case "ConditionalExpression":
        inExpression(node["consequent"])
        inExpression(node["alternate"])
        break
      case "LogicalExpression":
        inExpression(node["right"])
        break
      case "IfStatement":
        inStatement(node["consequent"], isNode(node["alternate"]) ? "" : ` else {${count()}}`)
        inStatement(node["alternate"])
        break
      case "WhileStatement":
      case "DoWhileStatement":
      case "ForStatement":
      case "ForOfStatement":
      case "ForInStatement":
        inStatement(node["body"])
        break
      case "CatchClause":
        inStatement(node["body"])
        break
      case "SwitchCase": {
        const first: unknown = Array.isArray(node["consequent"]) ? node["consequent"][0] : undefined
        if (isNode(first)) edited.appendRight(first.start, `${count()};`)
        break
      }
      case "Literal":
        if (typeof node["value"] === "string" && node["value"] !== "" && node["value"].length <= 60) {
          literals.add(node["value"])
        }
        break
    }
    for (const child of childrenOf(node)) if (!/^Import|^ExportAll/.test(child.type)) visit(child)
  }
  if (isNode(program)) visit(program)
  return edited.prepend(`const ${NAME} = globalThis.${NAME};`).toString()
}

/** The sources that get counters: those of the packages that the fuzzer tests. */
const isTested = (file: string): boolean =>
  /\/packages\/(?:core|client-secret|jwt-bearer|private-key-jwt|storage-redis|workload-identity)\/src\/.*\.ts$/
    .test(file)

/** From now on, sources of the packages are instrumented while they are loaded. */
export const install = (): void => {
  Object.assign(globalThis, { [NAME]: counters })
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context)
      if (!url.startsWith("file:") || !isTested(fileURLToPath(url)) || !loaded.source) return loaded
      const text = typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source)
      return { ...loaded, source: instrument(fileURLToPath(url), text) }
    }
  })
}
