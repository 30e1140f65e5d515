/**
 * What a model is told, and the rules that it judges by.
 *
 * Times are in milliseconds by the world's clock, but for those with `wall` in the name, which are by that of the
 * providers' machine.
 */

export type Rule =
  | "one flight"
  | "expired token sent"
  | "rejected token sent"
  | "older token sent"
  | "failed with a valid token in hand"
  | "failed although all is well"
  | "error without its cause"
  | "401 that could be avoided"
  | "403 that could be avoided"
  | "waited with a fresh token in hand"
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
  /** As the answer has it, or by default. */
  expiresWall: number
  /** Whether the answer had an `expires_in`. */
  readonly saysLife: boolean
  /** How far the machine's clock was ahead when it was issued. */
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

/** From the answer on, or until a date. */
export type RetryAfter = { readonly millis: number } | { readonly wall: number }

/** What came of a token request; `cause` as an error has to name it. */
export type Result =
  | { readonly _tag: "Token"; readonly token: Token }
  | { readonly _tag: "Failure"; readonly final: boolean; readonly cause: string; readonly retryAfter?: RetryAfter }
  | { readonly _tag: "Interrupted" }

export interface Call {
  readonly id: number
  readonly provider: number
  readonly body: "text" | "stream"
  readonly startedAt: number
  /** Whether it can be sent at once. */
  readonly fresh: boolean
  readonly jumps: number
  sent: Array<Token>
  statuses: Array<number>
  over: boolean
}

export type Outcome =
  | { readonly _tag: "Answered"; readonly status: number }
  | { readonly _tag: "Failed"; readonly cause: string; readonly message: string }
  /** By its own time limit, or because the simulation interrupted it. */
  | { readonly _tag: "GivenUp" }
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Died"; readonly message: string }
