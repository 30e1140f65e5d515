import { bounded, MAX_ENTRIES, MAX_TEXT } from "../text/bounds.ts"

/** The most that is kept of all named fields of a document together, in characters of JSON. */
const MAX_DOCUMENT = 64 * 1024

const kept = (value: unknown): unknown => {
  if (typeof value === "boolean") return value
  if (typeof value === "string") return value.length > MAX_TEXT ? undefined : value
  if (typeof value !== "object" || value === null) return undefined
  if (Array.isArray(value)) {
    return bounded(value.slice(0, MAX_ENTRIES).filter((entry: unknown) => typeof entry === "string"))
  }
  let left = MAX_TEXT
  const entries = Object.entries(value).slice(0, MAX_ENTRIES).flatMap(([key, text]: [string, unknown]) =>
    typeof text === "string" && (left -= key.length + text.length) >= 0 ? [[key, text] as const] : []
  )
  return Object.fromEntries(entries)
}

/**
 * The named fields of a document, each within its bounds, and all together within 64 KiB: a field that does not fit is
 * left out. A document stays in memory for as long as it is fresh, and its sender decides how long it is.
 *
 * @internal
 */
export const keptFields = (
  document: Readonly<Record<string, unknown>>,
  names: ReadonlyArray<string>
): Readonly<Record<string, unknown>> => {
  let left = MAX_DOCUMENT
  return Object.fromEntries(names.flatMap((name) => {
    const value = kept(document[name])
    const size = value === undefined ? 0 : JSON.stringify(value).length
    if (value === undefined || size > left) return []
    left -= size
    return [[name, value]]
  }))
}

/**
 * Whether a text is short enough to be kept.
 *
 * @internal
 */
export const isShortEnough = (text: string): boolean => text.length <= MAX_TEXT

/**
 * The fields that are kept of the metadata of an authorization server, besides those that its schema has: those of RFC 8414 §2, of OpenID Connect Discovery
 * 1.0 §3 as far as tokens need them, and of the extensions for DPoP, mutual TLS and pushed requests.
 *
 * @internal
 */
export const authorizationServerFields: ReadonlyArray<string> = [
  "token_endpoint_auth_signing_alg_values_supported",
  "grant_types_supported",
  "scopes_supported",
  "jwks_uri",
  "authorization_endpoint",
  "response_types_supported",
  "response_modes_supported",
  "code_challenge_methods_supported",
  "registration_endpoint",
  "userinfo_endpoint",
  "end_session_endpoint",
  "device_authorization_endpoint",
  "revocation_endpoint",
  "revocation_endpoint_auth_methods_supported",
  "revocation_endpoint_auth_signing_alg_values_supported",
  "introspection_endpoint",
  "introspection_endpoint_auth_methods_supported",
  "introspection_endpoint_auth_signing_alg_values_supported",
  "pushed_authorization_request_endpoint",
  "require_pushed_authorization_requests",
  "authorization_response_iss_parameter_supported",
  "authorization_details_types_supported",
  "authorization_grant_profiles_supported",
  "client_id_metadata_document_supported",
  "dpop_signing_alg_values_supported",
  "tls_client_certificate_bound_access_tokens",
  "mtls_endpoint_aliases",
  "protected_resources",
  "service_documentation",
  "op_policy_uri",
  "op_tos_uri"
]

/**
 * The fields that are kept of the metadata of a protected resource: those of RFC 9728 §2.
 *
 * @internal
 */
export const protectedResourceFields: ReadonlyArray<string> = [
  "resource_name",
  "resource_documentation",
  "resource_policy_uri",
  "resource_tos_uri",
  "jwks_uri",
  "bearer_methods_supported",
  "resource_signing_alg_values_supported",
  "authorization_details_types_supported",
  "dpop_signing_alg_values_supported",
  "dpop_bound_access_tokens_required",
  "tls_client_certificate_bound_access_tokens"
]
