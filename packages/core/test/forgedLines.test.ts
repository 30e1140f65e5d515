/**
 * Text from outside may hold line breaks and escape sequences that forge a log line or drive a terminal (CWE-117,
 * CWE-150). Wherever such a text comes from, no log line, message and attribute has a control or format character.
 */
import { Answer, TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import { HttpClientRequest } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Logger, LogLevel, Option, Redacted, TestClock } from "effect"
import type { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthError, OAuthHttpClient, TokenStorage } from "../src/index.ts"
import { impatient, makeProvider } from "./support/provider.ts"
import { listenToAttributes, makeTracer } from "./support/tracing.ts"

const FORGED =
  "\n2026-11-27 level=INFO \"all is well\"\r\u0000\u001b[2J\u001b]0;x\u0007\u0085\u2028\u2029\u202e\u2066\u200b\ufeff\u00ad\u{e0041}\ud800"

const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

/** A header cannot hold most of the characters. */
const FORGED_HEADER = "a\tb\u0085c\u00add"

interface Place {
  readonly from: string
  readonly options?: Partial<ClientSecret.Options>
  readonly answers?: ReadonlyArray<readonly [target: TestNetwork.Target, answer: Answer.Answer]>
  readonly storage?: Partial<TokenStorage.TokenStorage.Service>
}

const token = (body: object, status = 400): NonNullable<Place["answers"]> => [["token", Answer.json(body, { status })]]
const tokenText = (body: string, contentType: string, status = 400): NonNullable<Place["answers"]> => [
  ["token", Answer.text(body, { status, contentType })]
]
const metadata = (change: object): NonNullable<Place["answers"]> => [
  ["authorization-server-metadata", Answer.modified((json) => ({ ...json, ...change }))]
]
const resource = (change: object): NonNullable<Place["answers"]> => [
  [
    "protected-resource-metadata",
    Answer.json({
      resource: "https://mcp.example.com/mcp",
      authorization_servers: ["https://auth.example.com"],
      ...change
    })
  ]
]
const challenge = (header: string, status = 401): NonNullable<Place["answers"]> => [
  ["resource", Answer.status(status, { headers: { "www-authenticate": header } })]
]
const failing = (description: string) =>
  Effect.fail(new OAuthError.TokenStorageError({ operation: "get", description }))

const places: ReadonlyArray<Place> = [
  { from: "`error` of a token response", answers: token({ error: `x${FORGED}` }) },
  { from: "`error_description`", answers: token({ error: "invalid_grant", error_description: `x${FORGED}y` }) },
  { from: "`error_uri`", answers: token({ error: "invalid_grant", error_uri: `https://a.example/${FORGED}` }) },
  { from: "`error.message` of a vendor", answers: token({ error: { message: `x${FORGED}y`, status: "X" } }) },
  { from: "`errorSummary` of a vendor", answers: token({ errorSummary: `x${FORGED}y`, errorCode: `E${FORGED}` }) },
  { from: "`detail` of problem+json", answers: token({ title: "x", detail: `x${FORGED}y` }) },
  { from: "`message` beside no token", answers: token({ message: `x${FORGED}y` }, 200) },
  {
    from: "`error` of a form",
    answers: tokenText(`error=${encodeURIComponent(`x${FORGED.slice(0, -1)}`)}`, "text/plain")
  },
  { from: "a text of a gateway", answers: tokenText(`x${FORGED}y`, "text/plain", 502) },
  { from: "a text that refuses", answers: tokenText(`x${FORGED}y`, "text/plain", 403) },
  { from: "the content type of a token response", answers: tokenText("no JSON", `text/x;${FORGED_HEADER}`, 200) },
  { from: "the content type of an empty token response", answers: tokenText("", `text/x;${FORGED_HEADER}`, 200) },
  { from: "`token_type`", answers: token({ access_token: "canary-t", token_type: `Mac${FORGED}` }, 200) },
  { from: "`expires_in`", answers: token({ access_token: "canary-t", token_type: "Bearer", expires_in: FORGED }, 200) },
  {
    from: "`scope` of a token",
    answers: token({ access_token: "canary-t", token_type: "Bearer", scope: `a${FORGED}` }, 200)
  },
  { from: "`access_token`", answers: token({ access_token: `canary-t${FORGED}`, token_type: "Bearer" }, 200) },
  { from: "Retry-After", answers: [["token", Answer.status(503, { headers: { "retry-after": FORGED_HEADER } })]] },
  {
    from: "the target of a redirect",
    answers: [["token", Answer.redirect(`https://a.example/\t${FORGED_HEADER}`, 307)]]
  },
  { from: "`issuer` of metadata", answers: metadata({ issuer: `https://auth.example.com/${FORGED}` }) },
  { from: "`token_endpoint`", answers: metadata({ token_endpoint: `https://auth.example.com/${FORGED}` }) },
  { from: "a `token_endpoint` without https", answers: metadata({ token_endpoint: `http://a.example/${FORGED}` }) },
  { from: "a `token_endpoint` that is no URL", answers: metadata({ token_endpoint: FORGED }) },
  {
    from: "the list of client authentication methods",
    options: { tokenEndpointAuthMethod: "discover" },
    answers: metadata({ token_endpoint_auth_methods_supported: [`x${FORGED}y`] })
  },
  { from: "`resource` of metadata", answers: resource({ resource: `https://mcp.example.com/${FORGED}` }) },
  { from: "`resource` of another server", answers: resource({ resource: `https://a.example/${FORGED}` }) },
  { from: "`authorization_servers`", answers: resource({ authorization_servers: [`https://a.example/${FORGED}`] }) },
  {
    from: "`authorization_servers`, where the server names the issuer",
    options: { issuer: "discover" },
    answers: resource({ authorization_servers: [`https://a.example/${FORGED}`] })
  },
  { from: "`scopes_supported`", answers: resource({ scopes_supported: [`a${FORGED}`] }) },
  {
    from: "the content type of metadata",
    options: { issuer: "discover" },
    answers: [["protected-resource-metadata", Answer.text("no JSON", { contentType: `text/x;${FORGED_HEADER}` })]]
  },
  {
    from: "a redirect of metadata",
    options: { issuer: "discover" },
    answers: [["protected-resource-metadata", Answer.redirect(`https://a.example/\t${FORGED_HEADER}`)]]
  },
  { from: "`error` of a challenge", answers: challenge(`Bearer error="invalid_token${FORGED_HEADER}"`) },
  { from: "`error_description` of a challenge", answers: challenge(`Bearer error_description="x${FORGED_HEADER}"`) },
  {
    from: "`scope` of a challenge",
    answers: challenge(`Bearer error="insufficient_scope", scope="a${FORGED_HEADER}"`, 403)
  },
  {
    from: "`resource_metadata` of a challenge",
    answers: challenge(`Bearer resource_metadata="https://a/${FORGED_HEADER}"`)
  },
  { from: "the scheme of a challenge", answers: challenge(`Other${FORGED_HEADER} a="b"`) },
  { from: "a storage that fails to read", storage: { get: () => failing(`x${FORGED}y`) } },
  { from: "a storage that fails to write", storage: { set: () => failing(`x${FORGED}y`) } },
  { from: "a storage whose lease fails", storage: { lease: () => failing(`x${FORGED}y`) } },
  {
    from: "a storage that dies",
    storage: { get: () => Effect.die(Object.assign(new Error("x"), { name: `x${FORGED}y` })) }
  },
  { from: "`clientId`", options: { clientId: `c${FORGED}` } },
  {
    from: "`clientId` with format characters alone",
    options: { clientId: "c\u202ed\u200be" },
    answers: token({ error: "invalid_grant" })
  },
  { from: "`issuer`", options: { issuer: `https://auth.example.com/${FORGED}` } },
  { from: "`serverUrl`", options: { serverUrl: `https://mcp.example.com/${FORGED}` } },
  { from: "`serverUrl` that is no URL", options: { serverUrl: `a ${FORGED}` } },
  { from: "`tokenEndpoint`", options: { tokenEndpoint: `https://auth.example.com/${FORGED}` } },
  { from: "`scopes`", options: { scopes: [`a${FORGED}`] } },
  { from: "`insecureHosts`", options: { insecureHosts: [`a${FORGED}`] } },
  { from: "a name in `additionalParameters`", options: { additionalParameters: { [FORGED]: "x" } } },
  { from: "`resourceMetadataUrl`", options: { resourceMetadataUrl: `http://a.example/${FORGED}` } },
  { from: "`clientSecret`", options: { clientSecret: Redacted.make("canary\n\u0000\u202e") } }
]

/** All that a test said: log lines, names and attributes of spans. */
const listening = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const said: Array<string> = []
    const logger = Logger.make<unknown, void>((entry) => {
      const { cause, message } = entry
      said.push(String(message), ...Array.from(entry.annotations, ([name, value]) => `${name}=${String(value)}`))
      said.push(...Array.from(Cause.prettyErrors(cause), (error) => error.message))
    })
    const tracer = yield* makeTracer((span) => {
      said.push(span.name)
      listenToAttributes(span, (name, value) => {
        // The platform's own attributes hold the headers as the server sent them.
        if (!name.startsWith("http.")) said.push(`${name}=${String(value)}`)
      })
    })
    const exit = yield* effect.pipe(
      Effect.exit,
      Logger.withMinimumLogLevel(LogLevel.All),
      Effect.provide(Logger.add(logger)),
      Effect.withTracer(tracer)
    )
    return { said, exit }
  })

describe("no log line, message and attribute has a control or format character", () => {
  it.effect.each(places.map((place) => [place.from, place] as const))("from %s", ([, place]) =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      for (const [target, answer] of place.answers ?? []) yield* network.always(target, answer)
      const memory = yield* TokenStorage.makeMemory
      const { exit, said } = yield* listening(
        Effect.gen(function*() {
          const provider = yield* makeProvider({ ...impatient, ...place.options })
          const client = OAuthHttpClient.authenticate(network.httpClient, provider)
          yield* client.execute(HttpClientRequest.get("https://mcp.example.com/mcp"))
          yield* client.execute(HttpClientRequest.get("https://other.example.com/"))
        }).pipe(
          Effect.scoped,
          Effect.provideService(TokenStorage.TokenStorage, { ...memory, ...place.storage }),
          Effect.fork,
          Effect.tap(TestClock.adjust("1 minute")),
          Effect.tap(Fiber.interrupt),
          Effect.flatMap(Fiber.await),
          Effect.flatten
        )
      )
      const error = Option.getOrUndefined(Exit.causeOption(exit).pipe(Option.map(Cause.squash)))
      const found = OAuthError.fromUnknown(error)
      if (error instanceof Error) said.push(error.message)
      if (Option.isSome(found)) said.push(found.value.message)
      expect(exit._tag === "Failure" && Cause.isDie(exit.cause) ? Cause.pretty(exit.cause) : "").toBe("")
      expect(said.filter((text) => unprintable.test(text))).toEqual([])
      expect(said).not.toEqual([])
    }).pipe(Effect.provide(TestServers.layer())))
})
