/** All targets, in the order in which they run. */
import { idJag, jwt, workloadIdentity } from "./targets/assertion.ts"
import { challenge } from "./targets/challenge.ts"
import { signingKey, thumbprint } from "./targets/keys.ts"
import { authorizationServer, protectedResource } from "./targets/metadata.ts"
import { issuer, resourceIdentifier, resourceMatch, textOption } from "./targets/options.ts"
import { discoveryRecord, tokenRecord } from "./targets/records.ts"
import { cleanText, connection } from "./targets/texts.ts"
import { retryAfter, tokenError, tokenResponse } from "./targets/tokenEndpoint.ts"
import type { Target } from "./Target.ts"

export const targets: ReadonlyArray<Target> = [
  challenge,
  protectedResource,
  authorizationServer,
  tokenResponse,
  tokenError,
  retryAfter,
  jwt,
  idJag,
  workloadIdentity,
  signingKey,
  thumbprint,
  tokenRecord,
  discoveryRecord,
  resourceIdentifier,
  resourceMatch,
  issuer,
  textOption,
  cleanText,
  connection
]
