import type { Wrap } from "../rewriteFile.ts"
import type { Rule } from "../rule.ts"
import { conversions } from "./conversions.ts"
import { effect } from "./effect.ts"
import { schema } from "./schema.ts"

export const rules: ReadonlyArray<Rule> = [...schema, ...effect]

export const wraps: ReadonlyArray<Wrap> = conversions
