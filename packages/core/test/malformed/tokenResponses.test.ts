import { describeFamily } from "./support.ts"
import { tokenResponses } from "./tokenResponses.ts"

describeFamily(tokenResponses)
