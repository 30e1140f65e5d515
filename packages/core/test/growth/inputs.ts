import type { Input } from "@effect-mcp-auth/tooling/growth"
import { headers } from "./headers.ts"
import { records } from "./records.ts"
import { responses } from "./responses.ts"
import { otherTexts } from "./texts.ts"

/** Every input that core reads from outside, in the forms that make the most work. */
export const inputs: ReadonlyArray<Input> = [...headers, ...responses, ...records, ...otherTexts]
