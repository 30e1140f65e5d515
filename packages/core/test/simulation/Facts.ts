/**
 * The facts that a model gets, and the rules that it checks.
 *
 * Times are in milliseconds by the world's clock. Those with `wall` in their name are by the clock of the providers'
 * machine.
 */

export type Rule =
  | "one token request at a time"
  | "expired token sent"
  | "rejected token sent"
  | "older token sent"
  | "failed while a valid token was held"
  | "failed although all is well"
  | "error without its cause"
  | "401 that could be avoided"
  | "403 that could be avoided"
  | "waited while a fresh token was held"
  | "token request without need"
  | "token request for nobody"
  | "more than one request a second"
  | "request before Retry-After"
  | "refusal forgotten"
  | "used after its end"
  | "call never ended"
  | "call ended by somebody else"
  | "fiber left behind"

export interface Token {
  /** In the order of issue. */
  readonly order: number
  readonly value: string
  readonly scopes: ReadonlyArray<string>
  readonly expiresAt: number
  issuedWall: number
  /** By the `expires_in` of the response, or by the default life. */
  expiresWall: number
  /** Whether the response had an `expires_in`. */
  readonly saysLife: boolean
  /** How far the machine's clock was ahead when the token was issued. */
  readonly skew: number
  revoked: boolean
}

export interface Request {
  readonly provider: number
  readonly number: number
  readonly scopes: ReadonlyArray<string>
  readonly startedAt: number
  readonly startedWall: number
  /** By the timers of the providers' machine. */
  readonly startedElapsed: number
  readonly stepUp: boolean
  /** How often the clock had jumped by then. */
  readonly jumps: number
}

/** A duration from the response on, or a date. */
export type RetryAfter = { readonly millis: number } | { readonly wall: number }

/** The outcome of a token request. An error for it must name the `cause`. */
export type Result =
  | { readonly _tag: "Token"; readonly token: Token }
  | { readonly _tag: "Failure"; readonly final: boolean; readonly cause: string; readonly retryAfter?: RetryAfter }
  | { readonly _tag: "Interrupted" }

export interface Call {
  readonly id: number
  readonly provider: number
  readonly body: "text" | "stream"
  readonly startedAt: number
  /** Whether the provider held a fresh token when the call began, so that the call must not wait. */
  readonly fresh: boolean
  readonly jumps: number
  sent: Array<Token>
  statuses: Array<number>
  over: boolean
}

export type Outcome =
  | { readonly _tag: "Answered"; readonly status: number }
  | { readonly _tag: "Failed"; readonly cause: string; readonly message: string }
  /** The call ended by its own time limit, or the simulation interrupted it. */
  | { readonly _tag: "GivenUp" }
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Died"; readonly message: string }
