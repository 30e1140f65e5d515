/**
 * Names for what the Effect packages declare: `effect/Either#left` is an export, and `effect/Either#Left.left` is a
 * member of an exported type.
 */
import ts from "typescript-5.9"

/** The packages whose names differ between the two lines. */
const DECLARED_IN =
  /\/node_modules\/(effect|@effect\/(?:platform|platform-node|platform-node-shared|vitest|opentelemetry))\/(?:dist\/dts\/|dist\/|src\/)?(.+?)\.d\.ts$/

/** The module of an Effect package that a file declares, such as `effect/Either`. A barrel is `effect/index`. */
export const moduleOfFile = (file: string): string | undefined => {
  const [, name, path] = DECLARED_IN.exec(file) ?? []
  if (name === undefined || path === undefined) return undefined
  return `${name.replace("-shared", "")}/${path}`
}

/** The symbol itself, or the one that an import or a re-export stands for. */
export const resolved = (checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol

const isNamed = (node: ts.Node): node is ts.Node & { readonly name: ts.Node } =>
  "name" in node && node.name !== undefined

/** The names of the declarations around a declaration, from outside to inside. */
const path = (declaration: ts.Node): ReadonlyArray<string> => {
  const names: Array<string> = []
  for (let node = declaration; node !== undefined && !ts.isSourceFile(node); node = node.parent) {
    // The value of `type T = { member: … }` and the parameters of a function are on the way to a member.
    if (isNamed(node) && !ts.isParameter(node)) names.unshift(node.name.getText())
  }
  return names
}

/** The module that a symbol stands for, if it is one of an Effect package. */
export const moduleOfSymbol = (symbol: ts.Symbol): string | undefined => {
  const declaration = symbol.declarations?.[0]
  return declaration !== undefined && ts.isSourceFile(declaration) ? moduleOfFile(declaration.fileName) : undefined
}

/** The key of what a symbol stands for, if an Effect package declares it. */
export const keyOfSymbol = (symbol: ts.Symbol): string | undefined => {
  const declaration = symbol.declarations?.[0]
  if (declaration === undefined) return undefined
  const module = moduleOfFile(declaration.getSourceFile().fileName)
  if (module === undefined || ts.isSourceFile(declaration)) return undefined
  return `${module}#${path(declaration).join(".")}`
}
