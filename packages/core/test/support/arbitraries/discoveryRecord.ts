/** Discovery records within their bounds. */
import * as FastCheck from "effect/FastCheck"
import type { DiscoveryRecord } from "../../../src/index.ts"
import { moment } from "./token.ts"

const text = FastCheck.string({ unit: "grapheme", maxLength: 20 })

const times = { readAt: moment, freshUntil: moment }

const metadata: FastCheck.Arbitrary<typeof DiscoveryRecord.Metadata.Type> = FastCheck.dictionary(
  FastCheck.oneof(FastCheck.constantFrom("issuer", "token_endpoint", "scopes_supported", "jwks_uri"), text)
    .filter((name) => name !== "__proto__"),
  FastCheck.oneof(text, FastCheck.boolean(), FastCheck.array(text, { maxLength: 5 }))
)

const optional = <A>(of: FastCheck.Arbitrary<A>) => FastCheck.option(of, { nil: undefined })

export const discoveryRecord: FastCheck.Arbitrary<DiscoveryRecord.DiscoveryRecord> = FastCheck.record({
  issuer: FastCheck.webUrl(),
  confirmedAt: moment,
  protectedResource: optional(
    FastCheck.record({ ...times, url: FastCheck.webUrl(), metadata: FastCheck.option(metadata, { nil: null }) })
  ),
  authorizationServer: optional(FastCheck.record({ ...times, url: FastCheck.webUrl(), metadata }))
}).map(({ authorizationServer, confirmedAt, issuer, protectedResource }) => ({
  issuer,
  confirmedAt,
  ...(protectedResource === undefined ? {} : { protectedResource }),
  ...(authorizationServer === undefined ? {} : { authorizationServer })
}))
