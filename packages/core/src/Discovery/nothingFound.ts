import { nameOf } from "../authoring/SecureEndpoint.ts"
import { clean } from "../internal/text/clean.ts"
import { shown } from "../internal/text/resource.ts"
import * as MetadataSearch from "../MetadataSearch.ts"
import { DiscoveryError, type ResourceMismatch } from "../OAuthError.ts"
import type { ResourceIdentifier } from "../ResourceIdentifier.ts"
import type { Kind, ServerAnswer } from "./ServerAnswer.ts"

/** The advice for each kind of answer, as a part of a sentence. */
const advice: ReadonlyMap<Kind, string> = new Map<Kind, string>([
  [
    "Challenge",
    "pin `issuer` to the authorization server that issues tokens for it, or give `resourceMetadataUrl`"
  ],
  [
    "Unreadable",
    "tell the server's operator, and pin `issuer` to the authorization server that issues tokens for it"
  ],
  ["NoToken", "call the server without this library; if only some of its tools need a token, pin `issuer`"],
  [
    "Redirect",
    "write that address as `serverUrl` if the MCP server is there; if it is a login page, ask the server's operator " +
    "how programs get access"
  ],
  ["Misdirected", "check the host and the port of `serverUrl`: a proxy there does not serve this host"],
  ["Forbidden", "check `serverUrl` and whether a firewall lets this machine through, or pin `issuer`"],
  ["Page", "check the path of `serverUrl`: a website answers there"],
  [
    "Missing",
    "check the path of `serverUrl`; if it is right, pin `issuer` to the authorization server that issues tokens for it"
  ]
])

const adviceOf = (kind: Kind): string =>
  advice.get(kind) ?? "check `serverUrl`, or pin `issuer` to the authorization server that issues tokens for it"

/** The kinds of answers that explain the failure better than metadata of another resource does. */
const explanatory: ReadonlySet<Kind> = new Set<Kind>(["Unreadable", "NoToken", "Redirect", "Misdirected"])

/**
 * The error of a discovery that found no metadata of the server.
 *
 * @param answer what the server answered to a request without a token; `undefined` if it was not asked
 * @param isGiven whether the caller gave the address of the metadata
 *
 * @internal
 */
export const nothingFound = (
  server: ResourceIdentifier,
  misses: ReadonlyArray<MetadataSearch.Miss<ResourceMismatch>>,
  answer: ServerAnswer | undefined,
  isGiven: boolean
): DiscoveryError | ResourceMismatch => {
  const url = clean(nameOf(server.url))
  const all: ReadonlyArray<MetadataSearch.Miss<ResourceMismatch>> = answer === undefined ? misses : [...misses, {
    url,
    description: `${url} itself${answer.said}`,
    advice: answer.advice,
    refusal: undefined,
    outage: answer.outage
  }]
  const subject = `No protected resource metadata for ${shown(server.resource)}`
  const next = isGiven ? "check `resourceMetadataUrl`" : adviceOf(answer?.kind ?? "Challenge")
  if (MetadataSearch.isInterrupted(all)) return MetadataSearch.unavailable({ subject, misses: all, advice: next })
  const mismatch = all.find(({ refusal }) => refusal !== undefined)?.refusal
  if (mismatch !== undefined && (answer === undefined || !explanatory.has(answer.kind))) return mismatch
  return new DiscoveryError({
    reason: answer?.kind === "NoToken" ? "TokenNotRequired" : "NotFound",
    url: shown(server.resource),
    description: `${subject}: ${MetadataSearch.listed(all)}. ` + (answer?.kind === "NoToken"
      ? `The server serves requests without a token, so it needs none: ${next}.`
      : `${next.charAt(0).toUpperCase()}${next.slice(1)}.`)
  })
}
