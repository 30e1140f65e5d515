import { assertions } from "./assertions.ts"
import { describeFamily } from "./support.ts"

describeFamily(assertions)
