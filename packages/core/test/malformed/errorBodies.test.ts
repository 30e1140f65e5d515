import { errorBodies } from "./errorBodies.ts"
import { describeFamily } from "./support.ts"

describeFamily(errorBodies)
