/**
 * Modules that a program loads when it needs them.
 */
import ts from "typescript-5.9"
import type { Rule } from "../rule.ts"

const IMPORTED = /^(effect|@effect\/(?:platform|platform-node))(\/|$)/

export const modules: ReadonlyArray<Rule> = [
  {
    name: "dynamic import",
    reason: "The module has moved.",
    example: {
      before: `import("@effect/platform/FileSystem")`,
      after: `import("effect/FileSystem")`
    },
    apply: (node, { module }) => {
      if (!ts.isStringLiteral(node) || !IMPORTED.test(node.text)) return undefined
      const isImport = ts.isCallExpression(node.parent) &&
        node.parent.expression.kind === ts.SyntaxKind.ImportKeyword
      return isImport ? `"${module(node.text)}"` : undefined
    }
  }
]
