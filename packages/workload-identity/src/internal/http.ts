import * as HttpExchange from "@effect-mcp-auth/core/authoring/HttpExchange"
import * as SecureEndpoint from "@effect-mcp-auth/core/authoring/SecureEndpoint"
import { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"

const limits: HttpExchange.Limits = { timeout: "10 seconds", maxBodySize: 64 * 1024 }

/**
 * The service that a provider asks for an assertion.
 *
 * @internal
 */
export interface Source {
  /** The name of the service in error messages. */
  readonly name: string
  /** Advice if the service does not answer, as a sentence. */
  readonly remedy: string
  /** Whether anything in the request may be secret. */
  readonly isHidden?: boolean | undefined
  /** Whether the service answers 404 and 410 for a while, until a new identity is known everywhere. */
  readonly lateToKnow?: boolean | undefined
  /** The hosts that plain http may reach besides those of this machine, as `InsecureHosts.check` returns them. */
  readonly insecureHosts?: ReadonlyArray<string> | undefined
}

/** @internal */
export const unavailable = (description: string, cause?: unknown): AssertionError =>
  new AssertionError({ reason: "Unavailable", description, ...(cause === undefined ? {} : { cause }) })

/** @internal */
export const malformed = (description: string): AssertionError =>
  new AssertionError({ reason: "Malformed", description })

const failed = ({ name, remedy }: Source) => (error: HttpExchange.NoAnswer): AssertionError => {
  const { advice, cause, description, isLasting, reason, status } = error
  switch (reason) {
    case "Transport":
      return new AssertionError({
        reason: isLasting === true ? "CannotSend" : "Unavailable",
        description: status === undefined
          ? `${name} was not reached: ${description}. ${advice === undefined ? "" : `${advice} `}${remedy}`
          : `${name}: ${description}.`,
        ...(cause === undefined ? {} : { cause })
      })
    case "Timeout":
      return unavailable(`${name} sent ${description}. ${remedy}`)
    case "TooLarge":
      return malformed(`${name}: ${description}.`)
    case "Unsendable":
      return malformed(`${name}: ${description}. Nothing was sent.`)
  }
}

/**
 * Sends a request once, with the plain client. 10 seconds and 64 KiB are the limits.
 *
 * @internal
 */
export const exchange = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest,
  source: Source
): Effect.Effect<HttpExchange.Answer, AssertionError> =>
  Effect.mapError(
    HttpExchange.exchange(client, request, { ...limits, insecureHosts: source.insecureHosts }, {
      secretHeaders: ["x-identity-header"],
      isHidden: source.isHidden
    }),
    failed(source)
  )

/** Platforms answer with these while they are too busy, or not ready. */
const mayPass = (status: number, { lateToKnow }: Source): boolean =>
  HttpExchange.isTransientStatus(status) || status === 425 ||
  (lateToKnow === true && (status === 404 || status === 410))

/**
 * Fails with the error of an answer that has no assertion.
 *
 * @param said what the answer says in words, already cleaned
 *
 * @internal
 */
export const refused = (
  source: Source,
  { headers, status }: Pick<HttpExchange.Answer, "headers" | "status">,
  said = ""
): Effect.Effect<never, AssertionError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const retryAfter = HttpExchange.retryAfter(headers, now)
    return new AssertionError({
      reason: mayPass(status, source) ? "Unavailable" : "Refused",
      description: HttpExchange.isRedirect(status)
        ? `${source.name} answered ${status} with a redirect, which is not followed. Use the final address.`
        : `${source.name} answered ${status}${said === "" ? "" : ` (${said})`}. ${source.remedy}`,
      ...(retryAfter === undefined ? {} : { retryAfter })
    })
  })

/**
 * An address with further parameters. The query that it has stays as the platform wrote it.
 *
 * @internal
 */
export const withParameters = (url: URL, parameters: Readonly<Record<string, string>>): string => {
  const added = new URLSearchParams(parameters).toString()
  const [address = ""] = url.href.split("#", 1)
  if (url.search !== "") return address.endsWith("&") ? `${address}${added}` : `${address}&${added}`
  return address.endsWith("?") ? `${address}${added}` : `${address}?${added}`
}

/**
 * The address of a service. The services of cloud platforms are on link-local addresses, without https.
 *
 * @internal
 */
export const endpoint = (text: string, insecureHosts?: ReadonlyArray<string>): Either.Either<URL, string> =>
  SecureEndpoint.fromText(text, { linkLocal: true, insecureHosts })
