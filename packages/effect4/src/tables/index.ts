import { members } from "./members.ts"
import { modules } from "./modules.ts"
import { names } from "./names.ts"
import { merged, type Tables } from "./tables.ts"

export const tables: Tables = { modules: merged(modules), names: merged(names), members: merged(members) }
