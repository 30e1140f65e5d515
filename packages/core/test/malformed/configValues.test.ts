import { configValues } from "./configValues.ts"
import { describeFamily } from "./support.ts"

describeFamily(configValues)
