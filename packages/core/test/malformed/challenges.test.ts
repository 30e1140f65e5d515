import { challenges } from "./challenges.ts"
import { describeFamily } from "./support.ts"

describeFamily(challenges)
