import { registeredCodes } from "../text/errorCodes.ts"
import { quote } from "../text/clean.ts"
import { shown } from "../text/resource.ts"

/**
 * The refused request, as far as the advice about it depends on it.
 *
 * @internal
 */
export interface Asked {
  readonly resourceParameter: string | undefined
  readonly scopes: ReadonlyArray<string>
}

/**
 * Whether the authorization server has refused the client's own proof. A 401 says so whatever its code is (RFC 6749
 * §5.2): Keycloak answers a wrong secret with 401 and `unauthorized_client`. `invalid_grant` is about the grant.
 *
 * @internal
 */
export const isFailedAuthentication = (
  { code, status }: { readonly code?: string | undefined; readonly status?: number | undefined }
): boolean => code === "invalid_client" || (status === 401 && code !== "invalid_grant")

/**
 * The next step after a final error, as a sentence.
 *
 * @param said whether the answer has a text that says what is wrong
 *
 * @internal
 */
export const adviceAfter = (code: string | undefined, status: number, said: boolean, asked: Asked): string => {
  if (isFailedAuthentication({ code, status })) return CREDENTIAL
  const byCode = code === undefined ? undefined : adviceByCode[code]
  if (byCode !== undefined) return typeof byCode === "string" ? byCode : byCode(asked)
  if (code !== undefined && registeredCodes.has(code)) return ""
  return adviceByStatus[status] ?? (said || code !== undefined ? "" : ADDRESS)
}

const CREDENTIAL = "Check the client id, the credential and the client authentication method."

const ADDRESS =
  "Check that the address is a token endpoint: it is the option `tokenEndpoint`, or from the metadata of `issuer`."

const NO_PROOF =
  "The authorization server demands proof of possession (RFC 9449), which this client does not send: have the client " +
  "registered for bearer tokens."

const adviceByCode: Readonly<Record<string, string | ((asked: Asked) => string)>> = {
  access_denied: "Have the client granted access to this resource and these scopes, or correct `scopes` and " +
    "`additionalParameters`.",
  invalid_dpop_proof: NO_PROOF,
  invalid_grant: "The grant is expired, revoked or for another client: get a new one.",
  invalid_request: "A parameter is missing, or its value is not accepted: see the options `resourceParameter`, " +
    "`scopes` and `additionalParameters`.",
  invalid_scope: ({ scopes }) =>
    scopes.length === 0
      ? "Ask for scopes that the client was granted. The request named none: set `scopes`."
      : `Ask for scopes that the client was granted. The request named ${quote(scopes.join(" "))}: correct \`scopes\`.`,
  invalid_target: ({ resourceParameter }) =>
    resourceParameter === undefined
      ? "The request named no resource: see the option `resourceParameter`."
      : `The authorization server does not know the resource "${shown(resourceParameter)}", which the request named: ` +
        "see the option `resourceParameter`, and check `serverUrl`.",
  unauthorized_client: "Have the client registered for this grant.",
  unsupported_grant_type: "The authorization server does not offer this grant: use another kind of credential.",
  use_dpop_nonce: NO_PROOF
}

const adviceByStatus: Readonly<Record<number, string>> = {
  403: "The authorization server, or a gateway in front of it, denies the request: check what the client may do, and " +
    "from which network it may call.",
  404: ADDRESS,
  405: ADDRESS,
  407: "A proxy demands credentials of its own: give them to the `HttpClient`.",
  410: ADDRESS,
  421: "The server, or a proxy in front of it, does not serve this host name: check the host name in `issuer` and " +
    "`tokenEndpoint`.",
  501: ADDRESS,
  505: ADDRESS
}
