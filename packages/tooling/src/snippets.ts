/**
 * Code in documents: the blocks between fences, in pages and in docstrings.
 */
export interface Snippet {
  /** Where the code begins and ends in the text, in characters. */
  readonly start: number
  readonly end: number
  /** What stands before each line: nothing in a page, ` * ` in a docstring. */
  readonly prefix: string
  readonly code: string
}

const BLOCK = /^([ \t]*\* ?|)```ts\n([\s\S]*?)^\1```$/gm

/** The blocks of TypeScript in a text. */
export const snippetsOf = (text: string): ReadonlyArray<Snippet> =>
  Array.from(text.matchAll(BLOCK), (match) => {
    const [whole, prefix = "", body = ""] = match
    const start = match.index + whole.indexOf("\n") + 1
    return { start, end: start + body.length, prefix, code: withoutPrefix(body, prefix) }
  })

const withoutPrefix = (body: string, prefix: string): string =>
  body.split("\n").map((line) => line.startsWith(prefix) ? line.slice(prefix.length) : line.trimStart().slice(1))
    .join("\n")

/** The text with other code in its blocks, in the order of the blocks. */
export const withSnippets = (text: string, codes: ReadonlyArray<string>): string => {
  let result = ""
  let position = 0
  for (const [index, { end, prefix, start }] of snippetsOf(text).entries()) {
    result += text.slice(position, start) + withPrefix(codes[index] ?? "", prefix)
    position = end
  }
  return result + text.slice(position)
}

const withPrefix = (code: string, prefix: string): string =>
  code.replace(/\n$/, "").split("\n").map((line) => `${prefix}${line}`.trimEnd() + "\n").join("")

/** Files that the code in documents imports, and that its readers write. */
export const readersFiles: Readonly<Record<string, string>> = {
  "auth.ts": `import type { OAuthProvider } from "@effect-mcp-auth/core"
import type { HttpClient } from "@effect/platform"
import type { Layer } from "effect"
export declare const Auth: Layer.Layer<OAuthProvider.OAuthProvider, never, HttpClient.HttpClient>
`,
  "program.ts": `import type { OAuthProvider } from "@effect-mcp-auth/core"
import type { Effect } from "effect"
export declare const program: Effect.Effect<void, never, OAuthProvider.OAuthProvider>
`
}

/** The name of a module with the code of a document. Code that imports vitest is a test. */
export const moduleName = (path: string, index: number, code: string): string =>
  `${path.replaceAll(/[^\w-]+/g, "_")}_${index}.${/from "(?:@effect\/)?vitest"/.test(code) ? "test.ts" : "ts"}`
