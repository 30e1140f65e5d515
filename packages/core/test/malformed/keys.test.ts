import { keys } from "./keys.ts"
import { describeFamily } from "./support.ts"

describeFamily(keys)
