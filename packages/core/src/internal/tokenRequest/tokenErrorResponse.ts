import * as Effect from "effect/Effect"
import {
  type Answer,
  isRedirect,
  isTransientStatus,
  parseJson,
  redirectTarget,
  retryAfter
} from "../../authoring/HttpExchange.ts"
import { nameOf } from "../../authoring/SecureEndpoint.ts"
import type { AuthorizationServer } from "../../AuthorizationServer.ts"
import { TokenEndpointError } from "../../OAuthError.ts"
import type { Reply } from "../../TokenResponse.ts"
import { registeredCodes } from "../text/errorCodes.ts"
import { clean } from "../text/clean.ts"
import * as Advice from "./advice.ts"
import { readError, type Said } from "./errorForms.ts"

/**
 * The parts of the request that the error names.
 *
 * @internal
 */
export interface Asked extends Advice.Asked {
  readonly authorizationServer: AuthorizationServer
  readonly clientAuthentication: { readonly clientId: string }
}

/**
 * The exchange with the token endpoint.
 *
 * @internal
 */
export interface Exchanged {
  /** When the request was sent, in milliseconds since the epoch. */
  readonly sentAt: number
  /** When the answer was complete, in milliseconds since the epoch. */
  readonly receivedAt: number
  /** The secrets that the authorization server has received, and that an error must not repeat. */
  readonly secrets: ReadonlyArray<string>
}

/**
 * Separates an answer that may be a token, or another thing that was requested, from an error (RFC 6749 §5.2).
 *
 * @internal
 */
export const failOnError = (
  answer: Answer,
  asked: Asked,
  exchanged: Exchanged
): Effect.Effect<Reply, TokenEndpointError> => {
  const { body, headers, status } = answer
  const json = parseJson(body)
  const said = readError(answer, json)
  // GitHub sends its errors with status 200.
  if (said.code !== undefined) return Effect.fail(refused(answer, said.code, said, asked, exchanged))
  // RFC 6749 §5.1 requires 200, but some servers answer 201. A client treats an unknown 2xx as 200 (RFC 9110 §15).
  if (status < 200 || status > 299) return Effect.fail(unexpectedStatus(answer, said, asked, exchanged))
  const { receivedAt, secrets, sentAt } = exchanged
  const contentType = clean(headers["content-type"] ?? "none", secrets)
  // Codes of vendors are not shown here: beside no token, `code` may be an authorization code.
  const says = clean(said.text ?? "", secrets)
  return Effect.succeed({
    json,
    status,
    isEmpty: body.trim() === "",
    contentType,
    ...(says === "" ? {} : { says }),
    sentAt,
    receivedAt
  })
}

/** Errors after which the same request may succeed later, whatever the status is. */
const transientCodes: ReadonlySet<string> = new Set(["temporarily_unavailable", "slow_down", "server_error"])

/** `code` is as the server wrote it: all decisions are by this text, and what people read is cleaned. */
const refused = (
  answer: Answer,
  code: string,
  { text = "", uri }: Said,
  asked: Asked,
  exchanged: Exchanged
): TokenEndpointError => {
  const { secrets } = exchanged
  const { status } = answer
  const url = nameOf(asked.authorizationServer.tokenEndpoint)
  const isTransient = isTransientStatus(status) || transientCodes.has(code)
  const shownCode = registeredCodes.has(code) ? code : clean(code, secrets)
  const shownText = clean(text, secrets)
  const happened = isTransient ? `answered ${status} to ${clientOf(asked)}` : `refused ${clientOf(asked)}`
  const wait = waitOf(answer, exchanged)
  const advice = isTransient ? waiting(wait) : Advice.adviceAfter(code, status, shownText !== "", asked)
  return new TokenEndpointError({
    reason: isTransient ? "Unavailable" : "Refused",
    url,
    description: `Token endpoint ${url} ${happened}: ${shownCode}${shownText === "" ? "" : ` (${shownText})`}.` +
      (advice === "" ? "" : ` ${advice}`),
    code: shownCode,
    status,
    ...(uri === undefined ? {} : { errorUri: clean(uri, secrets) }),
    ...wait
  })
}

const clientOf = ({ clientAuthentication: { clientId } }: Asked): string =>
  clientId === "" ? "the request" : `client "${clientId}"`

const waiting = ({ retryAfter: millis }: { readonly retryAfter?: number }): string =>
  millis === undefined ? "Waiting may help." : `Waiting may help: the server asks for ${Math.ceil(millis / 1000)} s.`

const unexpectedStatus = (answer: Answer, said: Said, asked: Asked, exchanged: Exchanged): TokenEndpointError => {
  const { status } = answer
  const url = nameOf(asked.authorizationServer.tokenEndpoint)
  const isTransient = isTransientStatus(status)
  const quoted = quotationOf(said, exchanged.secrets)
  const advice = isTransient
    ? "The server may recover: try again later."
    : Advice.adviceAfter(undefined, status, quoted !== "", asked)
  return new TokenEndpointError({
    reason: isTransient ? "Unavailable" : "InvalidResponse",
    url,
    description: `Token endpoint ${url} answered ${status} ` + (isRedirect(status)
      ? `with a redirect${
        targetOf(answer, asked, exchanged.secrets)
      }, which is not followed, because it would replay the ` +
        "credential. If the token endpoint has moved there, set `tokenEndpoint`. If that is a login page, a proxy has " +
        "answered."
      : `${quoted === "" ? "without an OAuth error" : `with ${quoted}`}.${advice === "" ? "" : ` ${advice}`}`),
    status,
    ...waitOf(answer, exchanged)
  })
}

/** The quotation of an error in a vendor's form. */
const quotationOf = ({ text = "", vendorCode = "" }: Said, secrets: ReadonlyArray<string>): string => {
  const [shownText, shownCode] = [clean(text, secrets), clean(vendorCode, secrets)]
  if (shownText === "") return shownCode
  return `"${shownText}"${shownCode === "" ? "" : ` (${shownCode})`}`
}

/** The target of a redirect, without its query. */
const targetOf = ({ headers }: Answer, asked: Asked, secrets: ReadonlyArray<string>): string => {
  const target = redirectTarget(headers, asked.authorizationServer.tokenEndpoint)
  return target === undefined ? "" : ` to ${clean(nameOf(target), secrets)}`
}

/** The wait that the answer asks for, as a field of the error. */
const waitOf = ({ headers }: Answer, { receivedAt }: Exchanged): { readonly retryAfter?: number } => {
  const millis = retryAfter(headers, receivedAt)
  return millis === undefined ? {} : { retryAfter: millis }
}
