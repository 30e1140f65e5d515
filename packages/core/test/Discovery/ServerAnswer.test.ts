import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { defaultLimits } from "../../src/authoring/HttpExchange.ts"
import * as ServerAnswer from "../../src/Discovery/ServerAnswer.ts"
import type { Bounds } from "../../src/internal/http/metadataDocument.ts"

const server = "https://mcp.example.com/mcp"

/** The verdict on a server that gives these answers to a GET and a POST, and the requests that it received. */
const asked = (get: Answer.Answer, post: Answer.Answer, bounds: Bounds = defaultLimits) =>
  Effect.gen(function*() {
    const network = yield* TestNetwork.TestNetwork
    yield* network.serve(server, () => Effect.succeed(new Response()))
    yield* network.always(({ method }) => method === "GET", get)
    yield* network.always(({ method }) => method === "POST", post)
    const answer = yield* ServerAnswer.ask(network.httpClient, new URL(server), bounds)
    return { answer, requests: yield* network.requests }
  }).pipe(Effect.provide(TestNetwork.layer))

const withType = (type: string) => Answer.text("", { headers: { "content-type": type } })

const withChallenge = (status: number, ...challenges: ReadonlyArray<string>) =>
  Answer.status(status, { headers: { "www-authenticate": challenges } })

const naming = "Bearer resource_metadata=\"https://mcp.example.com/meta\""

/** An answer that says nothing about a server. */
const other = Answer.status(418)

const missing = Answer.status(404)

describe("the answer of a server to a request without a token", () => {
  it.effect.each<
    readonly [ServerAnswer.Kind, condition: string, said: string, get: Answer.Answer, post: Answer.Answer]
  >([
    ["NoToken", "a GET opens a stream", " answered 200", withType("text/event-stream; charset=utf-8"), missing],
    ["NoToken", "a POST succeeds", " answered 200", Answer.status(405), Answer.json({})],
    ["NoToken", "a POST is accepted", " answered 202", other, Answer.status(202)],
    ["Other", "neither answer is of a known kind", " answered 418", Answer.json([]), other],
    [
      "Missing",
      "a GET returns another type, with a parameter",
      " answered 404",
      withType("a; text/event-stream"),
      missing
    ],
    ["Page", "a GET returns HTML", " answered 200 with an HTML page", withType("text/html; charset=utf-8"), missing],
    ["Page", "a POST returns HTML", " answered 200 with an HTML page", other, withType("TEXT/HTML")],
    ["NoToken", "a POST returns another type, with a parameter", " answered 200", other, withType("a; text/html")],
    ["Missing", "a GET has 404", " answered 404", missing, other],
    ["Missing", "a GET has 410", " answered 410", Answer.status(410), other],
    ["Missing", "a POST has 405", " answered 405", other, Answer.status(405)],
    ["Other", "a GET has 405", " answered 418", Answer.status(405), other],
    ["Redirect", "there are several choices", " answered 300", Answer.status(300), other],
    ["Redirect", "a redirect leads nowhere", " answered 302", Answer.status(302), other],
    [
      "Redirect",
      "a redirect leads to another origin",
      " redirects to https://login.example.com/",
      Answer.redirect("https://login.example.com/?next=1"),
      other
    ],
    ["Misdirected", "a GET has 421", " answered 421", Answer.status(421), other],
    ["Forbidden", "a GET has 403", " answered 403", Answer.status(403), other],
    ["Forbidden", "a 403 has a challenge without an address", " answered 403", withChallenge(403, "Bearer"), other],
    ["Challenge", "a 403 names the metadata", " answered 403 with a challenge", withChallenge(403, naming), other],
    ["NoToken", "a 200 names the metadata", " answered 200", other, withChallenge(200, naming)],
    ["Missing", "a 404 names the metadata", " answered 404", withChallenge(404, naming), other],
    [
      "Challenge",
      "only the POST has a challenge",
      " answered 401 with a challenge",
      Answer.json([]),
      withChallenge(401, "Bearer")
    ],
    ["Outage", "the POST is an outage", " answered 503", missing, Answer.status(503)]
  ])("is %s if %s", ([kind, , said, get, post]) =>
    Effect.gen(function*() {
      const { answer } = yield* asked(get, post)
      assert.deepStrictEqual([answer.kind, answer.said], [kind, said])
    }))

  it.effect("is requested with a GET and then a POST, both of which accept what MCP servers send", () =>
    Effect.gen(function*() {
      const { requests } = yield* asked(other, other)
      const accept = "application/json, text/event-stream"
      assert.deepStrictEqual(requests.map(({ headers, method }) => [method, headers["accept"]]), [
        ["GET", accept],
        ["POST", accept]
      ])
      assert.deepStrictEqual(JSON.parse(requests[1]?.body ?? ""), { jsonrpc: "2.0", id: 0, method: "ping" })
    }))

  it.effect("says nothing if it has the status 0, as a redirect that a browser does not follow", () =>
    Effect.gen(function*() {
      const client = HttpClient.make((request) =>
        Effect.sync(() => HttpClientResponse.fromWeb(request, Response.error()))
      )
      const answer = yield* ServerAnswer.ask(client, new URL(server), defaultLimits)
      assert.deepStrictEqual([answer.kind, answer.said], ["Other", " answered 0"])
    }))

  it.effect("is not requested if discovery has no time left", () =>
    Effect.gen(function*() {
      const { answer, requests } = yield* asked(other, other, { ...defaultLimits, until: 0 })
      expect(requests).toHaveLength(0)
      expect(answer.kind).toBe("Outage")
      expect(answer.said).toContain("time limit of discovery was over")
    }))
})

describe("the challenge that counts where only one can", () => {
  it.effect.each<readonly [challenges: ReadonlyArray<string>, scheme: string, realm: string]>([
    [["DPoP", "Bearer realm=\"a\"", "Bearer realm=\"b\""], "bearer", "a"],
    [["DPoP realm=\"a\"", "DPoP realm=\"b\""], "dpop", "a"],
    [["Bearer realm=\"a\"", "DPoP realm=\"b\""], "bearer", "a"]
  ])("of %j is that of %s with the realm %s", ([challenges, scheme, realm]) =>
    Effect.gen(function*() {
      const { answer } = yield* asked(withChallenge(401, ...challenges), other)
      const challenge = ServerAnswer.challengeOf(answer)
      assert.deepStrictEqual([challenge?.scheme, challenge?.parameters.get("realm")], [scheme, realm])
    }))

  it.effect("is absent if there is none", () =>
    Effect.gen(function*() {
      expect(ServerAnswer.challengeOf((yield* asked(other, other)).answer)).toBeUndefined()
    }))
})

describe("the error of a server that cannot be asked for its challenge", () => {
  const failed = (answer: Answer.Answer) =>
    Effect.map(asked(answer, answer), ({ answer }) => ServerAnswer.unavailable(answer, new URL(server)))

  it.effect("has the wait that the server asked for, and no cause", () =>
    Effect.gen(function*() {
      const error = yield* failed(Answer.status(503, { headers: { "retry-after": "7" } }))
      expect(error).toMatchObject({ reason: "Unavailable", retryAfter: 7_000 })
      expect(error).not.toHaveProperty("cause")
      expect(error.message).toContain(`${server} answered 503. The server may recover`)
    }))

  it.effect("has the cause of a connection that failed, and no wait", () =>
    Effect.gen(function*() {
      const error = yield* failed(Answer.dropped)
      expect(error.reason).toBe("Unavailable")
      expect(error).toMatchObject({ cause: { message: "connection reset by the test" } })
      expect(error).not.toHaveProperty("retryAfter")
    }))
})
