/**
 * The facts that the checks and the build read from a source: its imports, the lengths of its functions, its kinds of
 * lines, and the calls that run when it is loaded.
 */
import { parseSync, visitorKeys } from "oxc-parser"

export interface FunctionLength {
  /** The name of the function, or of the declaration around an anonymous function. */
  readonly name: string
  /** The line of the file on which the function begins, counted from 1. */
  readonly line: number
  /** The number of lines from the first line of the function to its last, both included. */
  readonly lines: number
}

export interface LineCount {
  readonly code: number
  readonly comment: number
  readonly blank: number
}

export interface Import {
  readonly specifier: string
  /** Whether the source exports from there (`export … from`), in place of importing. */
  readonly isExport: boolean
}

export interface Syntax {
  /** Everything that the source imports or exports from, `import type` and `import("…")` included. */
  readonly imports: ReadonlyArray<Import>
  readonly functions: ReadonlyArray<FunctionLength>
  readonly lineCount: LineCount
}

export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

/** Reads a source. Throws if its syntax is wrong; `file` names it in that error and says whether it is TypeScript. */
export const readSyntax = (file: string, text: string): Syntax => {
  const { comments, errors, program } = parseSync(file, text)
  const [error] = errors
  if (error !== undefined) throw new Error(`${file}: ${error.message}`)
  const imports: Array<Import> = []
  const functions: Array<FunctionLength> = []
  const lineOf = (offset: number): number => text.slice(0, offset).split("\n").length
  const visit = (node: Node, name: string, begin: number): void => {
    const specifier = isNode(node["source"]) ? node["source"]["value"] : undefined
    if (typeof specifier === "string") imports.push({ specifier, isExport: node.type.startsWith("Export") })
    const ownName = nameOf(node) ?? name
    if (isFunction(node)) {
      const line = lineOf(begin)
      functions.push({ name: ownName, line, lines: lineOf(node.end) - line + 1 })
    }
    for (const child of childrenOf(node)) {
      // A method begins at its name, and its function expression only at the parenthesis after it.
      visit(child, ownName, isMethod(node) && child === node["value"] ? node.start : child.start)
    }
  }
  if (isNode(program)) visit(program, "the module", 0)
  return { imports, functions, lineCount: countLines(text, comments) }
}

/** Where the calls and the `new` begin that run when the module is loaded, and whose result is used. */
export const loadTimeCalls = (file: string, text: string): ReadonlyArray<number> => {
  const calls = new Set<number>()
  const visit = (node: Node): void => {
    if (isFunction(node) || isInstanceField(node)) return
    if (node.type === "CallExpression" || node.type === "NewExpression") calls.add(node.start)
    const children = childrenOf(node)
    // A statement that is only a call is there for what it does.
    for (const child of node.type === "ExpressionStatement" ? children.flatMap(childrenOf) : children) visit(child)
  }
  const { program } = parseSync(file, text)
  if (isNode(program)) visit(program)
  return [...calls]
}

/** The syntax tree of a source. Throws if its syntax is wrong; `file` names it in that error. */
export const parse = (file: string, text: string): Node => {
  const { errors, program } = parseSync(file, text)
  const [error] = errors
  if (error !== undefined || !isNode(program)) throw new Error(`${file}: ${error?.message ?? "no syntax tree"}`)
  return program
}

const isInstanceField = (node: Node): boolean => node.type === "PropertyDefinition" && node["static"] !== true

export const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "type" in value

const isFunction = ({ type }: Node): boolean =>
  type === "FunctionDeclaration" || type === "FunctionExpression" || type === "ArrowFunctionExpression"

const isMethod = (node: Node): boolean =>
  node.type === "MethodDefinition" || (node.type === "Property" && node["method"] === true)

export const childrenOf = (node: Node): ReadonlyArray<Node> =>
  (visitorKeys[node.type] ?? []).flatMap((key) => {
    const child = node[key]
    return Array.isArray(child) ? child.filter(isNode) : isNode(child) ? [child] : []
  })

/** The name that a declaration, a method or a property gives to the functions inside it. */
const nameOf = (node: Node): string | undefined => {
  const named = node["id"] ?? (node.type === "Property" || node.type.endsWith("Definition") ? node["key"] : undefined)
  return isNode(named) && typeof named["name"] === "string" ? named["name"] : undefined
}

/** A line is code if anything but a comment stands on it; a line that is empty inside a comment is blank. */
const countLines = (
  text: string,
  comments: ReadonlyArray<{ readonly start: number; readonly end: number }>
): LineCount => {
  let rest = ""
  let end = 0
  for (const comment of comments) {
    rest += text.slice(end, comment.start) + text.slice(comment.start, comment.end).replaceAll(/[^\n]/g, " ")
    end = comment.end
  }
  const withoutComments = (rest + text.slice(end)).split("\n")
  const lines = text.replace(/\n$/, "").split("\n")
  const code = lines.filter((_, index) => withoutComments[index]?.trim() !== "").length
  const blank = lines.filter((line) => line.trim() === "").length
  return { code, comment: lines.length - code - blank, blank }
}
