import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Either, Schema, TestClock } from "effect"
import { defaultLimits } from "../../../src/authoring/HttpExchange.ts"
import { type Bounds, isOutage, search } from "../../../src/internal/http/metadataDocument.ts"
import { after, serve } from "../../support/wire.ts"

const url = "https://auth.example.com/metadata"

/** The result of a search at one address of a host with these answers. */
const found = (answers: Readonly<Record<string, Answer.Answer>>, bounds: Bounds = defaultLimits) =>
  Effect.gen(function*() {
    const { httpClient } = yield* serve(answers)
    const { value } = yield* search(httpClient, {
      places: [{ url: new URL(url) }],
      schema: Schema.Struct({ issuer: Schema.String }),
      accept: ({ issuer }): Either.Either<string, never> => Either.right(issuer),
      bounds
    })
    return value
  }).pipe(Effect.provide(TestNetwork.layer))

const missing = (answer: Answer.Answer, bounds?: Bounds) =>
  Effect.gen(function*() {
    const value = yield* found({ [url]: answer }, bounds)
    assert(Either.isLeft(value) && value.left[0] !== undefined)
    return value.left[0]
  })

const text = (body: string, type = "text/plain") => Answer.text(body, { headers: { "content-type": type } })

const document = Answer.json({ issuer: "https://auth.example.com" })

describe("an address without a metadata document", () => {
  it.effect.each<readonly [says: string, what: string, answer: Answer.Answer]>([
    [" answered 404", "a 404", Answer.status(404)],
    [" answered 201", "a document with 201", Answer.json({ issuer: "a" }, { status: 201 })],
    [" is an HTML page", "HTML", text("", "text/html; charset=utf-8")],
    [" is an HTML page", "HTML in capitals", text("{", "TEXT/HTML")],
    [" is an HTML page", "HTML of another type", text("<!doctype html>")],
    [" is an HTML page", "HTML of another type after white space", text(" \n\t<html>")],
    [" is not JSON", "text", text("a <b>")],
    [" is not JSON", "a type whose parameter is HTML", text("{", "text/plain; a=text/html")],
    [" is JSON, but not metadata of this kind", "other JSON", Answer.json({})],
    [" redirects nowhere", "a redirect without an address", Answer.status(302)],
    [
      " redirects to another origin, https://a.example",
      "a redirect to an origin",
      Answer.redirect("https://a.example/x")
    ],
    [
      " redirects to an address with a user name or a password in it",
      "a redirect to credentials",
      Answer.redirect("https://user:canary@auth.example.com/x")
    ],
    [" redirects more than 3 times", "a circle of redirects", Answer.redirect(url)]
  ])("is described as `%s` if it has %s", ([says, , answer]) =>
    Effect.gen(function*() {
      const { description, outage } = yield* missing(answer)
      expect(description).toBe(`${url}${says}`)
      expect(outage).toBeUndefined()
    }))

  it.effect("has the wait that the server asked for", () =>
    Effect.gen(function*() {
      const { description, outage } = yield* missing(Answer.status(503, { headers: { "retry-after": "7" } }))
      expect(description).toBe(`${url} answered 503`)
      expect(outage).toEqual({ retryAfter: 7_000 })
    }))

  it.effect("is an outage if discovery has no time left", () =>
    Effect.gen(function*() {
      const { description, outage } = yield* missing(document, { ...defaultLimits, until: 0 })
      expect(description).toContain("time limit of discovery was over")
      expect(outage).toEqual({})
    }))
})

it.effect("a request for a metadata document lasts no longer than the discovery", () =>
  Effect.gen(function*() {
    const now = Date.UTC(2026, 0)
    yield* TestClock.setTime(now)
    const { description } = yield* after(500, missing(Answer.never, { ...defaultLimits, until: now + 500 }))
    expect(description).toContain("no complete answer within 500ms")
  }))

describe("a metadata document", () => {
  it.effect.each([200, 203])("is found with the status %i", (status) =>
    Effect.gen(function*() {
      expect(yield* found({ [url]: Answer.json({ issuer: "a" }, { status }) })).toEqual(Either.right("a"))
    }))

  it.effect("is found after three redirects within the origin, and not after four", () =>
    Effect.gen(function*() {
      const step = (number: number) => `${url}/${number}`
      const redirects = {
        [url]: Answer.redirect(step(1)),
        [step(1)]: Answer.redirect(step(2)),
        [step(2)]: Answer.redirect(step(3))
      }
      expect(Either.isRight(yield* found({ ...redirects, [step(3)]: document }))).toBe(true)
      const further = { ...redirects, [step(3)]: Answer.redirect(step(4)), [step(4)]: document }
      expect(Either.isRight(yield* found(further))).toBe(false)
    }))
})

it("a status is an outage if the address may have a document another time", () => {
  const outages = [200, 404, 408, 429, 500, 501, 502, 503, 504, 505, 599].filter(isOutage)
  assert.deepStrictEqual(outages, [408, 429, 500, 502, 503, 504, 599])
})
