import { resourceMetadata } from "./resourceMetadata.ts"
import { describeFamily } from "./support.ts"

describeFamily(resourceMetadata)
