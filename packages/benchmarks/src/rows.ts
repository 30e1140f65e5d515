/**
 * Every kind of work, in the order of the report.
 */
import type { Workload } from "./workload.ts"
import { accessToken } from "./workloads/accessToken.ts"
import { burst } from "./workloads/burst.ts"
import { callers } from "./workloads/callers.ts"
import { firstCall } from "./workloads/firstCall.ts"
import { interrupted } from "./workloads/interrupted.ts"
import { manyProviders } from "./workloads/manyProviders.ts"
import { outage } from "./workloads/outage.ts"
import { outageOfALife } from "./workloads/outageOfALife.ts"
import { renewal } from "./workloads/renewal.ts"
import { revoked } from "./workloads/revoked.ts"
import { shortTokens } from "./workloads/shortTokens.ts"
import { signing } from "./workloads/signing.ts"
import { sizes } from "./workloads/sizes.ts"
import { soak } from "./workloads/soak.ts"
import { warm } from "./workloads/warm.ts"
import { wholeProcess } from "./workloads/wholeProcess.ts"

export const rows: ReadonlyArray<Workload> = [
  wholeProcess,
  sizes,
  firstCall,
  burst,
  interrupted,
  callers,
  warm,
  accessToken,
  shortTokens,
  renewal,
  revoked,
  outage,
  outageOfALife,
  signing,
  manyProviders,
  soak
]
