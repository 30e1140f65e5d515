import { discoveryRecords } from "./discoveryRecords.ts"
import { describeFamily } from "./support.ts"

describeFamily(discoveryRecords)
