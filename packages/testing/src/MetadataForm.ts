/**
 * The addresses at which an authorization server may publish its metadata.
 *
 * @since 0.1.0
 */
import { withoutSlash, withWellKnown } from "./internal/web.ts"

/**
 * Where an authorization server's metadata can be found. The first two insert the well-known name before the issuer's
 * path (RFC 8414 §3.1), the third appends it (OpenID Connect Discovery 1.0 §4). For an issuer without a path the last
 * two are the same address.
 *
 * @since 0.1.0
 * @category models
 */
export type MetadataForm = "oauth-authorization-server" | "openid-configuration" | "openid-configuration-appended"

/** @internal */
export const all: ReadonlyArray<MetadataForm> = [
  "oauth-authorization-server",
  "openid-configuration",
  "openid-configuration-appended"
]

/** @internal */
export const addressOf = (issuer: string, form: MetadataForm): string =>
  form === "openid-configuration-appended"
    ? `${new URL(withoutSlash(issuer)).href.replace(/\/$/, "")}/.well-known/openid-configuration`
    : withWellKnown(issuer, form)
