/**
 * The competitors, in the order of the report.
 */
import type { Competitor } from "./client.ts"
import { bareHttpClient, plainFetch, plainFetchAgain } from "./clients/byHand.ts"
import { oauthFetch, oauthHttpClient } from "./clients/ours.ts"
import { officialSdk } from "./clients/officialSdk.ts"
import { openidClient } from "./clients/openidClient.ts"

export { bareHttpClient, oauthFetch, oauthHttpClient, officialSdk, openidClient, plainFetch, plainFetchAgain }

export const ours: ReadonlyArray<Competitor> = [oauthFetch, oauthHttpClient]

/** The clients that are written with Effect. */
export const ofEffect: ReadonlyArray<Competitor> = [bareHttpClient, ...ours]

/** Every client whose behavior differs. The two clients without OAuth differ in their cost alone. */
export const competitors: ReadonlyArray<Competitor> = [plainFetch, officialSdk, openidClient, ...ours]

export const renewing: ReadonlyArray<Competitor> = competitors.filter((competitor) => competitor.renews)
