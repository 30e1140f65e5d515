import type { Wrap } from "../rewriteFile.ts"
import type { Rule } from "../rule.ts"
import { conversions } from "./conversions.ts"
import { effect } from "./effect.ts"
import { fibers } from "./fibers.ts"
import { httpErrors } from "./httpErrors.ts"
import { logging } from "./logging.ts"
import { modules } from "./modules.ts"
import { schema } from "./schema.ts"

export const rules: ReadonlyArray<Rule> = [...schema, ...effect, ...fibers, ...modules, ...httpErrors]

export const wraps: ReadonlyArray<Wrap> = conversions
