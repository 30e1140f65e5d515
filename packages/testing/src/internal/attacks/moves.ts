/**
 * What the attackers of the tables do, and further rules for the record of the network.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Answer from "../../Answer.ts"
import type { Send } from "../../ClientUnderAttack.ts"
import * as MetadataForms from "../../MetadataForm.ts"
import type { RecordedRequest } from "../../NetworkRequest.ts"
import type { Evidence, Scene } from "../../ServerAttack.ts"

/** @internal */
export type Move = (scene: Scene) => Effect.Effect<void>

/** @internal */
export const trusted: ReadonlyArray<string> = ["https://mcp.example.com", "https://auth.example.com"]

/**
 * Several moves, one after the other.
 *
 * @internal
 */
export const all = (...moves: ReadonlyArray<Move>): Move => (scene) =>
  Effect.forEach(moves, (move) => move(scene), { discard: true })

/**
 * The MCP server's metadata with changes. `undefined` removes a member.
 *
 * @internal
 */
export const resourceMetadata = (changes: Answer.JsonObject): Move => ({ mcpServer, network }) =>
  network.always(({ url }) => url === mcpServer.metadataUrl, modified(changes))

/** @internal */
export const resourceMetadataAnswer = (answer: Answer.Answer): Move => ({ network }) =>
  network.always(
    ({ endpoint, url }) => endpoint === "protected-resource-metadata" && !url.startsWith("https://evil.example"),
    answer
  )

/**
 * The metadata of the client's own authorization server with changes. `undefined` removes a member.
 *
 * @internal
 */
export const issuerMetadata = (changes: Answer.JsonObject): Move => ({ issuer, network }) => {
  const addresses = MetadataForms.all.map((form) => MetadataForms.addressOf(issuer, form))
  return network.always(({ url }) => addresses.includes(url), modified(changes))
}

/** @internal */
export const issuerMetadataAnswer = (answer: Answer.Answer): Move => ({ issuer, network }) =>
  network.always(
    ({ endpoint, url }) => endpoint === "authorization-server-metadata" && url.startsWith(issuer),
    answer
  )

/** @internal */
export const tokenAnswer = (answer: Answer.Answer): Move => ({ network }) => network.always("token", answer)

/**
 * The normal token answer with changes. `undefined` removes a member.
 *
 * @internal
 */
export const tokenMembers = (changes: Answer.JsonObject): Move => tokenAnswer(modified(changes))

const modified = (changes: Answer.JsonObject): Answer.Answer => Answer.modified((json) => ({ ...json, ...changes }))

/**
 * Every answer of the MCP server to a request with a token, or with any token and without.
 *
 * @internal
 */
export const serverAnswer = (answer: Answer.Answer, to: "requests with a token" | "all requests"): Move =>
({
  network
}) => network.always((request) => isToServer(request) && (to === "all requests" || hasToken(request)), answer)

const isToServer = ({ endpoint }: RecordedRequest): boolean => endpoint === "resource"

const hasToken = ({ headers }: RecordedRequest): boolean => headers["authorization"] !== undefined

/**
 * The challenge of a 401.
 *
 * @internal
 */
export const challenged = (...lines: ReadonlyArray<string>): Answer.Answer =>
  Answer.status(401, { headers: { "www-authenticate": lines } })

/**
 * Sends several messages, and goes on after one that fails.
 *
 * @internal
 */
export const repeated = (count: number) => (send: Send, { serverUrl }: Scene): Effect.Effect<unknown> =>
  Effect.forEach(Array.from({ length: count }), () => Effect.exit(send(serverUrl)), { discard: true })

/**
 * A message, then what changes, then another message.
 *
 * @internal
 */
export const thenAgain = (change: Move) => (send: Send, scene: Scene): Effect.Effect<unknown> =>
  Effect.exit(send(scene.serverUrl)).pipe(
    Effect.andThen(change(scene)),
    Effect.andThen(Effect.exit(send(scene.serverUrl)))
  )

/** @internal */
export const noTokenRequest = ({ tokenRequests }: Evidence): string | undefined =>
  tokenRequests.length === 0 ? undefined : `a token request was sent to ${tokenRequests[0]?.url}`

/** @internal */
export const noToken = ({ authorized }: Evidence): string | undefined =>
  authorized.length === 0 ? undefined : `the answer was used as a token at ${authorized[0]?.url}`

/**
 * No token request names a resource other than the server itself.
 *
 * @internal
 */
export const namesServer = ({ scene, tokenRequests }: Evidence): string | undefined => {
  const other = tokenRequests.flatMap(({ form }) => form.getAll("resource")).find((one) => one !== scene.serverUrl)
  return other === undefined ? undefined : `a token was requested for the resource ${JSON.stringify(other)}`
}

/**
 * No token request asks for another scope.
 *
 * @internal
 */
export const asksOnlyFor = (...scopes: ReadonlyArray<string>) => ({ tokenRequests }: Evidence): string | undefined => {
  const asked = tokenRequests.flatMap(({ form }) => form.get("scope")?.split(" ") ?? [])
  const wider = asked.find((scope) => !scopes.includes(scope))
  return wider === undefined ? undefined : `a token was requested with the scope ${JSON.stringify(wider)}`
}

/**
 * At least one request with a token was answered with success: the attack did not stop the client.
 *
 * @internal
 */
export const stillServed = ({ requests }: Evidence): string | undefined =>
  requests.some((request) =>
      isToServer(request) && hasToken(request) && request.outcome._tag === "Answered" && request.outcome.status === 200
    )
    ? undefined
    : "no request with a token was answered with 200"
