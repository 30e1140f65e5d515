/**
 * Marks calls as free of side effects, which the compiler does not do. Without the mark, a bundler keeps every call
 * that runs when a module is loaded, and everything that the call mentions, whether its result is used or not.
 */
import MagicString, { type SourceMap } from "magic-string"
import { loadTimeCalls } from "./syntax.ts"

/** Marks the calls that run when the module is loaded as pure: bundlers drop such a call if its result is not used. */
export const markPure = (file: string, text: string): { readonly code: string; readonly map: SourceMap } => {
  const marked = new MagicString(text)
  for (const call of loadTimeCalls(file, text)) marked.appendLeft(call, "/*#__PURE__*/ ")
  return { code: marked.toString(), map: marked.generateMap({ source: file, hires: "boundary" }) }
}
