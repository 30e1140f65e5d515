import { callerOptions } from "./callerOptions.ts"
import { describeFamily } from "./support.ts"

describeFamily(callerOptions)
