/**
 * The longest text that is kept of a document, and the longest list in all, in characters.
 *
 * @internal
 */
export const MAX_TEXT = 16 * 1024

/** The largest number of entries of a list or an object that are kept. */
const MAX_ENTRIES = 1000

/**
 * A list within its bounds: its first entries, at most 1,000 of them with 16 KiB in all.
 *
 * @internal
 */
export const bounded = (list: ReadonlyArray<string>): ReadonlyArray<string> => {
  let left = MAX_TEXT
  const end = list.slice(0, MAX_ENTRIES).findIndex((entry) => (left -= entry.length) < 0)
  return list.slice(0, end === -1 ? MAX_ENTRIES : end)
}

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
 * The named fields of a document, each within its bounds. A document stays in memory for as long as it is fresh, and its
 * sender decides how long it is.
 *
 * @internal
 */
export const keptFields = (
  document: Readonly<Record<string, unknown>>,
  names: ReadonlyArray<string>
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(names.flatMap((name) => {
    const value = kept(document[name])
    return value === undefined ? [] : [[name, value]]
  }))

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
