import { authorizationServerMetadata } from "./authorizationServerMetadata.ts"
import { describeFamily } from "./support.ts"

describeFamily(authorizationServerMetadata)
