import { storedRecords } from "./storedRecords.ts"
import { describeFamily } from "./support.ts"

describeFamily(storedRecords)
