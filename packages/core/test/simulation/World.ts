/**
 * The authorization server, the MCP server and the storage of a simulation. They work or fail as the last step of the
 * schedule says, and report to the model what they see.
 *
 * The bodies of responses are read without promises, so that a whole run is synchronous.
 */
import type { VirtualClock } from "@effect-mcp-auth/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import { type HttpClientError, RequestError } from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { OAuthError } from "../../src/index.ts"
import type { TokenStorage } from "../../src/index.ts"
import type { Call, Request, Result, Token } from "./Facts.ts"
import type { Model } from "./Model.ts"
import type { Answer, WorldStep } from "./Schedule.ts"

export const serverUrl = "https://mcp.example.com/mcp"
export const issuer = "https://auth.example.com"

/** The scope of every token. The calls of some steps need more. */
const usual = "mcp"

const metadata = {
  issuer,
  token_endpoint: `${issuer}/token`,
  response_types_supported: [],
  token_endpoint_auth_methods_supported: ["client_secret_basic"]
}
export const authorizationServerMetadata: unknown = metadata
const resourceMetadata = { resource: serverUrl, authorization_servers: [issuer], scopes_supported: [usual] }

/** The life of a token without `expires_in`, in seconds: what the provider assumes, and how long it really lives. */
const UNSAID = { believed: 300, lives: 600 }

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const json = (status: number, body: unknown, headers: Reply["headers"] = {}): Reply => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body)
})

const encoder = new TextEncoder()

/** A response whose body is there at once, and not after a promise. */
const responseOf = (
  request: HttpClientRequest,
  { body, headers, status }: Reply
): HttpClientResponse.HttpClientResponse =>
  Object.defineProperties(HttpClientResponse.fromWeb(request, new Response(null, { status, headers })), {
    text: { value: Effect.succeed(body) },
    stream: { value: Stream.succeed(encoder.encode(body)) }
  })

export class World {
  readonly calls = new Map<number, Call>()
  readonly #clock: VirtualClock.VirtualClock
  readonly #model: Model
  readonly #discovery: boolean
  readonly #tokens = new Map<string, Token>()
  #issue: { readonly life?: number; readonly delay: number } = { life: 60, delay: 0 }
  #tokenEndpoint: Answer = { _tag: "Token" }
  #metadata: Answer = { _tag: "Token" }
  #extra: "granted" | "leftOut" | "refused" = "granted"
  #server = { delay: 0, rejects: false, challenge: true }
  #storage: "works" | "fails" | "hangs" | "dies" = "works"

  constructor(clock: VirtualClock.VirtualClock, model: Model, discovery: boolean) {
    this.#clock = clock
    this.#model = model
    this.#discovery = discovery
  }

  take(step: WorldStep): void {
    switch (step._tag) {
      case "Revoke":
        for (const token of this.#tokens.values()) token.revoked = true
        break
      case "Server":
        this.#server = step
        break
      case "Tokens":
        this.#issue = step
        break
      case "TokenEndpoint":
        this.#tokenEndpoint = step.answer
        break
      case "Metadata":
        this.#metadata = step.answer
        break
      case "Scopes":
        this.#extra = step.extra
        break
      case "Storage":
        this.#storage = step.state
        this.#model.storage(step.state === "works")
        break
    }
    const { delay, life = UNSAID.believed } = this.#issue
    const finds = !this.#discovery || this.#metadata._tag === "Token"
    const answers = this.#tokenEndpoint._tag === "Token" && life * 1000 > delay && this.#extra === "granted"
    this.#model.health(answers && finds)
  }

  // ---- HTTP ------------------------------------------------------------------------------------------------------------

  /** The plain client of one provider. */
  client(provider: number): HttpClient.HttpClient {
    return HttpClient.makeWith<never, never, HttpClientError, never>(
      Effect.flatMap((request) => Effect.map(this.#reply(provider, request), (reply) => responseOf(request, reply))),
      Effect.succeed
    )
  }

  #reply(provider: number, request: HttpClientRequest): Effect.Effect<Reply, HttpClientError> {
    const { headers, url } = request
    const call = Number(headers["x-call"] ?? Number.NaN)
    if (url.startsWith(`${issuer}/token`)) return this.#token(provider, request)
    if (url.includes("/.well-known/")) return this.#wellKnown(provider, request)
    return this.resource(call, headers["authorization"] ?? "", headers["x-scope"])
  }

  #wellKnown(provider: number, request: HttpClientRequest): Effect.Effect<Reply, HttpClientError> {
    if (this.#metadata._tag !== "Token") {
      this.#model.metadataFailed(provider)
      return this.#answer(this.#metadata, request)
    }
    if (request.url === `${issuer}/.well-known/oauth-authorization-server`) return Effect.succeed(json(200, metadata))
    return request.url.endsWith("/oauth-protected-resource/mcp")
      ? Effect.succeed(json(200, resourceMetadata))
      : Effect.succeed(json(404, {}))
  }

  #answer(
    answer: Exclude<Answer, { _tag: "Token" }>,
    request: HttpClientRequest
  ): Effect.Effect<Reply, HttpClientError> {
    switch (answer._tag) {
      case "Status":
        return Effect.succeed(json(answer.status, {}))
      case "RetryAfter": {
        // A date is by the world's clock, in whole seconds.
        const date = new Date(this.#clock.worldTime + answer.seconds * 1000).toUTCString()
        const header = answer.form === "date" ? date : String(answer.seconds)
        return Effect.succeed(json(answer.status, {}, { "retry-after": header }))
      }
      case "Refusal":
        return Effect.succeed(json(statusOf(answer.code), { error: answer.code }))
      case "Garbage":
        return Effect.succeed({ status: 200, headers: { "content-type": "text/html" }, body: "<p>Welcome" })
      case "Broken":
        return Effect.fail(new RequestError({ request, reason: "Transport", description: "broken" }))
      case "Hang":
        return Effect.never
    }
  }

  // ---- the authorization server ----------------------------------------------------------------------------------------

  #token(provider: number, request: HttpClientRequest): Effect.Effect<Reply, HttpClientError> {
    return Effect.suspend(() => {
      const { body } = request
      const form = new URLSearchParams(body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : "")
      const scopes = form.get("scope")?.split(" ") ?? []
      const asked = this.#model.requested(provider, scopes)
      const [result, reply] = this.#decide(asked, request)
      return reply.pipe(
        this.#issue.delay === 0 ? (reply) => reply : Effect.delay(this.#issue.delay),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            if (result._tag === "Token") this.#arrive(result.token, asked)
            this.#model.resulted(asked, Exit.isInterrupted(exit) ? { _tag: "Interrupted" } : result)
          })
        )
      )
    })
  }

  /** Sets the times of a token by the machine's clock, which may have been set since the request. */
  #arrive(token: Token, asked: Request): void {
    const wall = this.#clock.machineTime
    const life = token.expiresWall - token.issuedWall
    token.issuedWall = wall - Math.max(wall - asked.startedWall, this.#clock.elapsed - asked.startedElapsed)
    token.expiresWall = token.issuedWall + life
  }

  #decide(asked: Request, request: HttpClientRequest): readonly [Result, Effect.Effect<Reply, HttpClientError>] {
    const answer = this.#tokenEndpoint
    if (answer._tag !== "Token") return [resultOf(answer, this.#clock.worldTime), this.#answer(answer, request)]
    const isExtra = (scope: string) => scope !== usual
    if (this.#extra === "refused" && asked.scopes.some(isExtra)) {
      const refusal: Answer = { _tag: "Refusal", code: "invalid_scope" }
      return [resultOf(refusal, this.#clock.worldTime), this.#answer(refusal, request)]
    }
    const scopes = this.#extra === "leftOut" ? [usual] : asked.scopes
    const { life } = this.#issue
    const order = this.#tokens.size + 1
    const token: Token = {
      order,
      value: `token-${order}-of-the-simulation`,
      scopes,
      expiresAt: this.#clock.worldTime + (life ?? UNSAID.lives) * 1000,
      issuedWall: asked.startedWall,
      expiresWall: asked.startedWall + (life ?? UNSAID.believed) * 1000,
      saysLife: life !== undefined,
      skew: this.#clock.skew,
      revoked: false
    }
    this.#tokens.set(token.value, token)
    const reply = json(200, {
      access_token: token.value,
      token_type: "Bearer",
      scope: scopes.join(" "),
      ...(life === undefined ? {} : { expires_in: life })
    })
    return [{ _tag: "Token", token }, Effect.succeed(reply)]
  }

  // ---- the MCP server --------------------------------------------------------------------------------------------------

  resource(id: number, authorization: string, scope: string | undefined): Effect.Effect<Reply> {
    return Effect.suspend(() => {
      const call = this.calls.get(id)
      const token = this.#tokens.get(authorization.replace("Bearer ", ""))
      if (call === undefined || token === undefined) return Effect.succeed(json(401, {}))
      const { challenge, delay, rejects } = this.#server
      this.#model.sent(call, token)
      const rejected = rejects || token.revoked || this.#clock.worldTime >= token.expiresAt
      const lacks = scope !== undefined && !token.scopes.includes(scope)
      const reply = rejected
        ? json(401, {}, challenge ? { "www-authenticate": "Bearer error=\"invalid_token\"" } : {})
        : lacks
        ? json(403, {}, { "www-authenticate": `Bearer error="insufficient_scope", scope="${usual} ${scope}"` })
        : json(200, {})
      return Effect.succeed(reply).pipe(
        delay === 0 ? (reply) => reply : Effect.delay(delay),
        Effect.tap(() => Effect.sync(() => this.#model.answered(call, token, reply.status, scope)))
      )
    })
  }

  // ---- the storage -----------------------------------------------------------------------------------------------------

  /** A storage that works, fails, hangs or dies as the schedule says. */
  storage(memory: TokenStorage.TokenStorage.Service): TokenStorage.TokenStorage.Service {
    const faulty = <A, R>(
      operation: OAuthError.TokenStorageError["operation"],
      works: Effect.Effect<A, OAuthError.TokenStorageError, R>
    ): Effect.Effect<A, OAuthError.TokenStorageError, R> =>
      Effect.suspend(() => {
        switch (this.#storage) {
          case "works":
            return works
          case "fails":
            return new OAuthError.TokenStorageError({ operation, description: "out of order." })
          case "hangs":
            return Effect.never
          case "dies":
            return Effect.dieMessage("a bug in the storage")
        }
      })
    const { discovery } = memory
    return {
      get: (key) => faulty("get", memory.get(key)),
      set: (key, token) => faulty("set", memory.set(key, token)),
      remove: (key, token) => faulty("remove", memory.remove(key, token)),
      lease: (key) => faulty("lease", memory.lease(key)),
      discovery: discovery && {
        get: (key) => faulty("get", discovery.get(key)),
        set: (key, record) => faulty("set", discovery.set(key, record))
      }
    }
  }
}

/** The name of a failure of a token request, for the model and the simulation. */
export const causeOf = (status?: number, code?: string): string =>
  status === undefined ? "none" : code === undefined ? `${status}` : `${status} ${code}`

const statusOf = (code: string): number => code === "invalid_client" ? 401 : 400

const resultOf = (answer: Answer, now: number): Result => {
  switch (answer._tag) {
    case "Status":
      return { _tag: "Failure", final: false, cause: causeOf(answer.status) }
    case "RetryAfter":
      return {
        _tag: "Failure",
        final: false,
        cause: causeOf(answer.status),
        retryAfter: answer.form === "seconds"
          ? { millis: answer.seconds * 1000 }
          : { wall: Math.floor(now / 1000) * 1000 + answer.seconds * 1000 }
      }
    case "Refusal":
      return { _tag: "Failure", final: true, cause: causeOf(statusOf(answer.code), answer.code) }
    case "Garbage":
      return { _tag: "Failure", final: true, cause: causeOf(200) }
    case "Token":
    case "Broken":
    case "Hang":
      return { _tag: "Failure", final: false, cause: causeOf() }
  }
}
