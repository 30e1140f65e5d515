/**
 * What the modules of Effect 4 export.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import ts from "typescript-5.9"

/** A question "does this module export this name?", answered from the declarations below a `node_modules`. */
export const makeExists = (nodeModules: string): (module: string, name: string) => boolean => {
  const files = new Map<string, string | undefined>()
  const exports = new Map<string, ReadonlySet<string>>()
  const fileOf = (module: string): string | undefined => {
    const [, name = "", path = "index"] = /^(effect|@[^/]+\/[^/]+|[^@/]+)(?:\/(.+))?$/.exec(module) ?? []
    const file = join(nodeModules, name, "dist", `${path}.d.ts`)
    return existsSync(file) ? file : undefined
  }
  const read = (module: string): ReadonlySet<string> => {
    const file = files.get(module) ?? fileOf(module)
    files.set(module, file)
    if (file === undefined) return new Set()
    const program = ts.createProgram([file], {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      noResolve: false,
      skipLibCheck: true,
      types: []
    })
    const checker = program.getTypeChecker()
    const source = program.getSourceFile(file)
    const symbol = source === undefined ? undefined : checker.getSymbolAtLocation(source)
    return new Set(symbol === undefined ? [] : checker.getExportsOfModule(symbol).map(({ name: own }) => own))
  }
  return (module, name) => {
    if (!/^(effect|@effect)(\/|$)/.test(module)) return true
    const known = exports.get(module) ?? read(module)
    exports.set(module, known)
    return known.has(name)
  }
}
