/**
 * The rules that every attack of `HostileServersContract` must leave intact, by the record of the network.
 *
 * @internal
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { Setting } from "../../ClientUnderAttack.ts"
import type { RecordedRequest } from "../../NetworkRequest.ts"
import type { Evidence, Limits, Scene, ServerAttack } from "../../ServerAttack.ts"

/**
 * A client of the scene, and the only address that may get its secret.
 *
 * @internal
 */
export interface Connected {
  readonly setting: Setting
  readonly endpoint: string
}

const withoutQuery = (url: string): string => url.replace(/[?#].*$/s, "")

/** The credentials of a `Basic` header as they were before base64. */
const basicOf = (authorization: string): string | undefined => {
  const encoded = /^basic +(\S+)$/i.exec(authorization)?.[1]
  return encoded === undefined ? undefined : Either.getOrUndefined(Encoding.decodeBase64String(encoded))
}

const textOf = ({ body, headers, url }: RecordedRequest): string =>
  [url, ...Object.values(headers), basicOf(headers["authorization"] ?? "") ?? "", body].join("\n")

/**
 * Reads the record of the network.
 *
 * @internal
 */
export const evidenceOf = (scene: Scene, requests: ReadonlyArray<RecordedRequest>): Evidence => ({
  scene,
  requests,
  tokenRequests: requests.flatMap(({ body, headers, url }) => {
    const isForm = headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true
    const form = new URLSearchParams(isForm ? body : "")
    return form.has("grant_type") ? [{ url, form }] : []
  }),
  authorized: requests.flatMap(({ headers, url }) => {
    const { authorization } = headers
    return authorization === undefined || basicOf(authorization) !== undefined ? [] : [{ url, authorization }]
  })
})

/**
 * What the client did wrong, if anything.
 *
 * @internal
 */
export const judge = (
  attack: ServerAttack,
  limits: Limits,
  evidence: Evidence,
  clients: ReadonlyArray<Connected>,
  tokens: ReadonlyArray<string>
): string | undefined => {
  const rules = [
    () => secretsStay(evidence, clients),
    () => tokensStay(evidence, clients, tokens),
    () => staysWithin(evidence, attack.onlyOrigins),
    () => costs(evidence, limits),
    () => attack.verify?.(evidence)
  ]
  for (const rule of rules) {
    const violation = rule()
    if (violation !== undefined) return violation
  }
  return undefined
}

/** RFC 6749 §2.3.1: a secret is for the token endpoint, and never part of a URL. */
const secretsStay = ({ requests }: Evidence, clients: ReadonlyArray<Connected>): string | undefined => {
  for (const { endpoint, setting } of clients) {
    const secret = Redacted.value(setting.clientSecret)
    for (const request of requests) {
      if (!textOf(request).includes(secret)) continue
      const place = withoutQuery(request.url)
      if (request.url.includes(secret)) return `the client secret is in a URL that was sent to ${place}`
      if (place !== withoutQuery(endpoint)) return `the client secret was sent to ${place}`
      if (request.method !== "POST") return `the client secret was sent to ${place} by ${request.method}`
    }
  }
  return undefined
}

/** RFC 6750 §2: a token is for the server that it was issued for, in the header. */
const tokensStay = (
  { authorized, requests }: Evidence,
  clients: ReadonlyArray<Connected>,
  tokens: ReadonlyArray<string>
): string | undefined => {
  const origins = clients.map(({ setting }) => new URL(setting.serverUrl).origin)
  const elsewhere = authorized.find(({ url }) => !origins.includes(new URL(url).origin))
  if (elsewhere !== undefined) return `an access token was sent to ${withoutQuery(elsewhere.url)}`
  const open = requests.find((request) => tokens.some((token) => besideAuthorization(request).includes(token)))
  return open === undefined
    ? undefined
    : `an access token is in the URL, the body or another header of a request to ${withoutQuery(open.url)}`
}

const besideAuthorization = ({ body, headers: { authorization: _, ...headers }, url }: RecordedRequest): string =>
  [url, ...Object.values(headers), body].join("\n")

const staysWithin = ({ requests }: Evidence, origins: ReadonlyArray<string> | undefined): string | undefined => {
  if (origins === undefined) return undefined
  const outside = requests.find(({ url }) => !origins.includes(new URL(url).origin))
  return outside === undefined ? undefined : `a request was sent to ${withoutQuery(outside.url)}`
}

const costs = ({ requests, tokenRequests }: Evidence, limits: Limits): string | undefined => {
  if (tokenRequests.length > limits.tokenRequests) {
    return `${tokenRequests.length} token requests were sent, and ${limits.tokenRequests} are allowed`
  }
  if (requests.length > limits.requests) {
    return `${requests.length} requests were sent, and ${limits.requests} are allowed`
  }
  const long = requests.find(({ bytesRead, endpoint }) => endpoint !== "resource" && bytesRead > limits.bytes)
  return long === undefined
    ? undefined
    : `${long.bytesRead} bytes were read from ${withoutQuery(long.url)}, and ${limits.bytes} are allowed`
}
