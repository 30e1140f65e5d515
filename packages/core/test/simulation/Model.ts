/**
 * The rules that must hold whatever happens. The model sees what the providers send and receive, and what their callers
 * get. It keeps its own account of the tokens that they hold, and knows nothing of how they work.
 *
 * Times are those of `Facts.ts`.
 */
import type { VirtualClock } from "@effect-mcp-auth/testing"
import type { Call, Outcome, Request, Result, Rule, Token } from "./Facts.ts"

/** Calls must succeed so long after all servers work again: the longest wait of the backoff with its jitter. */
const RECOVERY = 45_000
/** A token that is first rejected later than this was good for a while. */
const REJECTED_SOON = 2000
/** The shortest time between two requests to an authorization server that is away. */
const PACE = 1000
/** The most tokens in `PACE`, even if the MCP server rejects all of them or some lack a scope. */
const STORM = 10
const REFUSAL_MEMORY = 5000
/** Three requests, each with a time limit of 10 seconds. */
const LONGEST_RENEWAL = 30_000
const MAX_RETRY_AFTER = 3_600_000
const MAX_REJECTION_MEMORY = 300_000
/** An acquisition may reach its token request so long after its callers have gone or the token has expired. */
const LONGEST_ACQUISITION = 60_000

/** The cause of a failure by a page with status 200. */
const PAGE = "200"

const minutes = (count: number): number => count * 60_000

interface Failure extends Request {
  readonly endedAt: number
  readonly final: boolean
  readonly cause: string
  readonly retryWall: number
}

class Provider {
  closed = false
  /** Token requests in flight. */
  readonly requests = new Set<Request>()
  /** The newest token that the provider is known to hold, and since when. */
  token: Token | undefined
  tokenAt = 0
  used = false
  /** The tokens that the MCP server has rejected, and whether it did so on their first use or soon. */
  readonly refused = new Map<Token, boolean>()
  /** When the provider learned of a rejection after which it must not use the token again. */
  readonly rejected = new Map<Token, number>()
  readonly got: Array<Token> = []
  /** The tokens whose request was in flight when the clock jumped. */
  readonly jumped = new Set<Token>()
  readonly gotAt: Array<number> = []
  failure: Failure | undefined
  /** How many answers in a row were a page in place of a token. */
  pages = 0
  readonly causes = new Set<string>()
  /** The scopes that a 403 named, and when by the timers, which stand still while the machine is suspended. */
  readonly missing = new Map<string, number>()
  callers = 0
  lastCallerAt = -Infinity
}

export class Model {
  readonly trace: Array<string> = []
  readonly violations: Array<{ readonly rule: Rule; readonly detail: string }> = []
  readonly #clock: VirtualClock.VirtualClock
  readonly #providers: ReadonlyArray<Provider>
  readonly #leases: boolean
  #requests = 0
  #goodSince = -Infinity
  #bad = false
  /** How often the clock was set, or the machine suspended. */
  #jumps = 0
  #storageWorksSince = -Infinity

  constructor(clock: VirtualClock.VirtualClock, providers: number, leases: boolean) {
    this.#clock = clock
    this.#leases = leases
    this.#providers = Array.from({ length: providers }, () => new Provider())
  }

  get now(): number {
    return this.#clock.worldTime
  }

  get #wall(): number {
    return this.#clock.machineTime
  }

  note(text: string): void {
    this.trace.push(`${this.#clock.elapsed} ${text}`)
  }

  violate(rule: Rule, detail: string): void {
    this.note(`!!! ${rule}: ${detail}`)
    this.violations.push({ rule, detail })
  }

  #provider(index: number): Provider {
    const provider = this.#providers[index]
    if (provider === undefined) throw new Error(`no provider ${index}`)
    return provider
  }

  // ---- the world -------------------------------------------------------------------------------------------------------

  /** Whether the servers would issue a usable token. */
  health(good: boolean): void {
    if (good && this.#bad) this.#goodSince = this.now
    if (!good) this.#goodSince = Infinity
    this.#bad = !good
  }

  storage(works: boolean): void {
    if (!works) this.#storageWorksSince = Infinity
    else if (this.#storageWorksSince === Infinity) this.#storageWorksSince = this.now
  }

  /** A request that is in flight when the clock jumps may fail because of that. */
  clockChanged(): void {
    this.#jumps++
    if (!this.#bad) this.#goodSince = this.now
  }

  closed(index: number): void {
    this.#provider(index).closed = true
  }

  // ---- held tokens -----------------------------------------------------------------------------------------------------

  /** Whether the token has not expired, and is not from the future after the clock was set back. */
  #isValid(token: Token): boolean {
    return token.issuedWall <= this.#wall && this.#wall < token.expiresWall
  }

  #heldBy(provider: Provider): Token | undefined {
    const { token } = provider
    return token !== undefined && this.#isValid(token) && !provider.refused.has(token) ? token : undefined
  }

  /**
   * The windows of the standard policy: 60 s and a twentieth, and 5, 15 or 60 minutes and a quarter. After a slow renewal
   * the next one begins earlier.
   */
  #isFresh(token: Token, wall: number, part: "mandatory" | "advisory"): boolean {
    const life = token.expiresWall - token.issuedWall
    const mandatory = Math.min(minutes(1), life / 20)
    const standard = Math.min(minutes(life <= minutes(20) ? 5 : life <= minutes(90) ? 15 : 60), life / 4)
    const advisory = Math.max(standard, Math.min(life / 2, mandatory + 2 * LONGEST_RENEWAL))
    return token.issuedWall <= wall && wall < token.expiresWall - (part === "mandatory" ? mandatory : advisory)
  }

  #hold(provider: Provider, token: Token): void {
    if (provider.token !== undefined && provider.token.order >= token.order) return
    provider.token = token
    provider.tokenAt = this.now
    provider.used = false
    provider.got.push(token)
  }

  // ---- token requests --------------------------------------------------------------------------------------------------

  requested(index: number, scopes: ReadonlyArray<string>): Request {
    const provider = this.#provider(index)
    const { missing, token } = provider
    const { elapsed } = this.#clock
    const stepUp = scopes.some((scope) =>
      elapsed - (missing.get(scope) ?? -Infinity) < LONGEST_ACQUISITION && token?.scopes.includes(scope) !== true
    )
    const request: Request = {
      provider: index,
      number: ++this.#requests,
      scopes,
      startedAt: this.now,
      startedWall: this.#wall,
      startedElapsed: this.#clock.elapsed,
      stepUp,
      jumps: this.#jumps
    }
    const name = `token request ${request.number} of provider ${index}`
    this.note(`${name}: ${scopes.join(" ")}${stepUp ? " (step-up)" : ""}`)
    if (provider.closed) this.violate("used after its end", name)
    if (this.#isRequesting(provider)) this.violate("one token request at a time", `${name} while another is in flight`)
    const shares = this.#leases && this.now - this.#storageWorksSince > LONGEST_ACQUISITION
    if (shares && this.#providers.some((other) => this.#isRequesting(other))) {
      this.violate("one token request at a time", `${name} while another provider of the key has one`)
    }
    this.#checkNeed(provider, request, name)
    if (provider.failure?.jumps === this.#jumps) {
      this.#checkPace(provider.failure, request, name)
    }
    provider.requests.add(request)
    return request
  }

  /** Whether a request is in flight that callers had no reason to give up. */
  #isRequesting({ requests }: Provider): boolean {
    return [...requests].some(({ jumps }) => jumps === this.#jumps)
  }

  /** At most one request for the first token, for each life, for each rejection and for each step-up. */
  #checkNeed(provider: Provider, { stepUp }: Request, name: string): void {
    const { callers, lastCallerAt, token, used } = provider
    const held = this.#heldBy(provider)
    // An acquisition that waits for the storage makes its request late.
    const prompt = this.now - this.#storageWorksSince > LONGEST_ACQUISITION
    if (held !== undefined && !stepUp && prompt && this.#isFresh(held, this.#wall, "advisory")) {
      this.violate("token request without need", `${name}: token ${held.order} is fresh`)
    }
    if (callers > 0 || this.now - lastCallerAt < LONGEST_ACQUISITION) return
    if (token === undefined || !used || this.#wall - token.expiresWall > LONGEST_ACQUISITION) {
      this.violate("token request for nobody", `${name}: nobody calls, or has used the last token`)
    }
  }

  #checkPace(failure: Failure, request: Request, name: string): void {
    // After a refusal of gained scopes the provider asks for the others immediately.
    const narrower = failure.cause.endsWith("invalid_scope") && request.scopes.length < failure.scopes.length
    if (narrower) return
    const after = `${name}, ${this.now - failure.endedAt} ms after ${failure.cause}`
    if (this.#wall < failure.retryWall) {
      this.violate("request before Retry-After", `${after}: ${failure.retryWall - this.#wall} ms too early`)
    } else if (failure.final) {
      const same = request.scopes.join() === failure.scopes.join()
      if (same && this.now - failure.endedAt < REFUSAL_MEMORY) this.violate("refusal forgotten", after)
    } else if (this.now - failure.startedAt < PACE) {
      this.violate("more than one request a second", after)
    }
  }

  resulted(request: Request, result: Result): void {
    const provider = this.#provider(request.provider)
    provider.requests.delete(request)
    const isPage = result._tag === "Failure" && result.cause === PAGE
    provider.pages = isPage ? provider.pages + 1 : 0
    const expired = result._tag === "Token" && result.token.expiresWall <= this.#wall
    const shown = result._tag === "Token"
      ? `token ${result.token.order}`
      : result._tag === "Failure"
      ? result.cause
      : ""
    if (result._tag === "Interrupted") provider.causes.add("none")
    this.note(`token request ${request.number} -> ${result._tag} ${shown}${expired ? ", expired on its way" : ""}`)
    if (result._tag === "Token" && !expired) {
      this.#hold(provider, result.token)
      if (request.jumps !== this.#jumps) provider.jumped.add(result.token)
      provider.failure = undefined
      if (provider.gotAt.unshift(this.now) > STORM && this.now - (provider.gotAt.pop() ?? 0) < PACE) {
        this.violate("more than one request a second", `${STORM + 1} tokens, whatever may have become of them`)
      }
      return
    }
    const failed = result._tag === "Failure" ? result : { final: false, cause: expired ? "200" : "none" }
    const retryAfter = "retryAfter" in failed ? failed.retryAfter : undefined
    const until = retryAfter === undefined
      ? this.#wall
      : "wall" in retryAfter
      ? retryAfter.wall
      : this.#wall + retryAfter.millis
    provider.causes.add(failed.cause)
    provider.failure = {
      ...request,
      endedAt: this.now,
      // The first page in a row may be a proxy's, so the request is repeated.
      final: failed.final && (!isPage || provider.pages > 1),
      cause: failed.cause,
      retryWall: Math.min(until, this.#wall + MAX_RETRY_AFTER)
    }
  }

  // ---- calls -----------------------------------------------------------------------------------------------------------

  called(id: number, index: number, body: Call["body"]): Call {
    const provider = this.#provider(index)
    const held = this.#heldBy(provider)
    provider.callers++
    const fresh = held !== undefined && provider.tokenAt < this.now && this.#isFresh(held, this.#wall, "mandatory")
    this.note(`call ${id} of provider ${index}${fresh ? "" : ", without a fresh token"}`)
    return {
      id,
      provider: index,
      body,
      startedAt: this.now,
      fresh,
      jumps: this.#jumps,
      sent: [],
      statuses: [],
      over: false
    }
  }

  sent(call: Call, token: Token): void {
    const provider = this.#provider(call.provider)
    const name = `call ${call.id}, token ${token.order}`
    this.note(name)
    // By the authorization server's clock. After the machine's clock was set back, the provider cannot tell.
    const said = token.skew > this.#clock.skew ? Infinity : token.expiresAt
    // A token whose request was in flight when the clock was set back is used by the callers that wait for it.
    const awaited = token === provider.token && provider.tokenAt === this.now && provider.jumped.has(token)
    const usable = this.#isValid(token) || (awaited && this.#wall < token.issuedWall)
    if (!usable || this.now >= said) {
      this.violate("expired token sent", `${name}: ${this.#wall - token.expiresWall} ms past its expiry`)
    }
    const rejectedAt = provider.rejected.get(token) ?? Infinity
    if (rejectedAt < call.startedAt) this.violate("rejected token sent", name)
    const newer = provider.token !== undefined && provider.token.order > token.order ? provider.token : undefined
    if (newer !== undefined && newer === this.#heldBy(provider) && provider.tokenAt < call.startedAt) {
      this.violate("older token sent", `${name}, and token ${newer.order} is held`)
    }
    if (call.sent.length === 0) this.#checkWait(provider, call, token, name)
    call.sent.push(token)
    this.#hold(provider, token)
    if (provider.token === token) provider.used = true
  }

  #checkWait(provider: Provider, call: Call, token: Token | undefined, name: string): void {
    if (call.jumps !== this.#jumps) return
    if (call.fresh && this.now > call.startedAt) {
      this.violate("waited while a fresh token was held", `${name}: ${this.now - call.startedAt} ms`)
    }
    const since = Math.max(call.startedAt, provider.tokenAt)
    if (
      token !== undefined && token === provider.token && since < this.now &&
      provider.got.at(-1) === token && this.#isFresh(token, this.#wall - (this.now - since), "mandatory")
    ) {
      this.violate("waited while a fresh token was held", `${name}: ${this.now - since} ms after it had come`)
    }
  }

  /** Whether the token stays in use for a while although it is rejected, because it replaced a rejected one. */
  #staysInUse(provider: Provider, token: Token): boolean {
    let streak = 0
    for (let i = provider.got.indexOf(token) - 1; i >= 0; i--) {
      const before = provider.got[i]
      if (before === undefined || !provider.refused.has(before)) break
      if (provider.refused.get(before) === false) {
        // A revoked token starts the count anew, and counts.
        streak++
        break
      }
      streak++
    }
    const gotAt = token === provider.token ? provider.tokenAt : -Infinity
    return streak > 0 && provider.refused.get(token) !== false &&
      this.now - gotAt < Math.min(MAX_REJECTION_MEMORY, PACE * 2 ** Math.min(streak - 1, 30))
  }

  answered(call: Call, token: Token, status: number, scope: string | undefined): void {
    const provider = this.#provider(call.provider)
    this.note(`call ${call.id} -> ${status}`)
    if (status === 401) {
      const isSoon = call.statuses.includes(401) || token !== provider.token ||
        this.now - provider.tokenAt < REJECTED_SOON
      // The clients do not report the second 401 of the same call as a rejection that needs another token.
      const reported = !call.statuses.includes(401) && !this.#staysInUse(provider, token) &&
        !provider.rejected.has(token)
      if (reported) provider.rejected.set(token, this.now)
      if (!provider.refused.has(token)) provider.refused.set(token, isSoon)
    }
    call.statuses.push(status)
    if (status === 403 && scope !== undefined) provider.missing.set(scope, this.#clock.elapsed)
  }

  ended(call: Call, outcome: Outcome): void {
    const provider = this.#provider(call.provider)
    call.over = true
    provider.callers--
    provider.lastCallerAt = this.now
    const name = `call ${call.id}`
    this.note(`${name}: ${JSON.stringify(outcome)}`)
    if (call.sent.length === 0 && !provider.closed) this.#checkWait(provider, call, undefined, name)
    switch (outcome._tag) {
      case "GivenUp":
        return
      case "Closed":
        return provider.closed ? undefined : this.violate("call ended by somebody else", name)
      case "Died":
        return this.violate("call ended by somebody else", `${name}: ${outcome.message}`)
      case "Answered": {
        const last = call.sent.at(-1)
        // The call may have got a new token, and have been unable to send its body again.
        if (outcome.status !== 200) provider.used = true
        const twice = call.statuses.filter((status) => status === outcome.status).length > 1
        if (call.body === "stream" || twice || last === undefined || provider.closed) return
        if (outcome.status === 401 && !this.#staysInUse(provider, last)) this.violate("401 that could be avoided", name)
        if (outcome.status === 403 && this.#goodSince === -Infinity) this.violate("403 that could be avoided", name)
        return
      }
      case "Failed": {
        const held = this.#heldBy(provider)
        if (held !== undefined && !held.revoked && provider.tokenAt < this.now) {
          this.violate("failed while a valid token was held", `${name}: token ${held.order}`)
        }
        if (!provider.causes.has(outcome.cause) || !outcome.message.includes("https://")) {
          this.violate("error without its cause", `${name}: ${outcome.cause}, ${outcome.message}`)
        }
        const waits = provider.failure === undefined ? 0 : provider.failure.retryWall - this.#wall
        if (call.startedAt >= this.#goodSince + RECOVERY && waits <= 0) {
          this.violate("failed although all is well", `${name}: ${outcome.message}`)
        }
      }
    }
  }

  /** A metadata request has failed. */
  metadataFailed(index: number): void {
    this.#provider(index).causes.add("discovery")
  }
}
