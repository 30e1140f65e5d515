import type { Wrap } from "../rewriteFile.ts"
import type { Rule } from "../rule.ts"
import { config } from "./config.ts"
import { conversions } from "./conversions.ts"
import { effect } from "./effect.ts"
import { errors } from "./errors.ts"
import { fibers } from "./fibers.ts"
import { logging } from "./logging.ts"
import { modules } from "./modules.ts"
import { runtime } from "./runtime.ts"
import { schema } from "./schema.ts"
import { services } from "./services.ts"
import { stores } from "./stores.ts"

export const rules: ReadonlyArray<Rule> = [
  ...schema,
  ...effect,
  ...fibers,
  ...modules,
  ...stores,
  ...errors,
  ...config,
  ...services,
  ...logging,
  ...runtime
]

export const wraps: ReadonlyArray<Wrap> = conversions
