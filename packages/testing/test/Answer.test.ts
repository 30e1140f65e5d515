import { Answer } from "@effect-mcp-auth/testing"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, TestClock } from "effect"

const normal = Effect.sync(() => Response.json({ issuer: "https://auth.example.com", n: 1 }, { status: 201 }))

const textOf = (response: Response) => Effect.promise(() => response.text())

describe("Answer", () => {
  it.effect("status has an empty body, a given body, and header fields with several lines", () =>
    Effect.gen(function*() {
      const empty = yield* Answer.respond(Answer.status(204), normal)
      assert.strictEqual(empty.status, 204)
      assert.isNull(empty.body)
      const full = yield* Answer.respond(
        Answer.status(401, { headers: { "www-authenticate": ["Basic realm=\"a\"", "Bearer"] }, body: "no" }),
        normal
      )
      assert.strictEqual(full.headers.get("www-authenticate"), "Basic realm=\"a\", Bearer")
      assert.strictEqual(yield* textOf(full), "no")
    }))

  it.effect("json, text and html set their content type", () =>
    Effect.gen(function*() {
      const json = yield* Answer.respond(
        Answer.json({ a: 1 }, { status: 500, headers: { "retry-after": "3" } }),
        normal
      )
      assert.strictEqual(json.status, 500)
      assert.strictEqual(json.headers.get("content-type"), "application/json")
      assert.strictEqual(json.headers.get("retry-after"), "3")
      assert.strictEqual(yield* textOf(json), "{\"a\":1}")
      const text = yield* Answer.respond(Answer.text("hi"), normal)
      assert.strictEqual(text.headers.get("content-type"), "text/plain; charset=utf-8")
      const form = yield* Answer.respond(
        Answer.text("a=1", { contentType: "application/x-www-form-urlencoded" }),
        normal
      )
      assert.strictEqual(form.headers.get("content-type"), "application/x-www-form-urlencoded")
      const html = yield* Answer.respond(Answer.html(), normal)
      assert.strictEqual(html.status, 200)
      assert.strictEqual(html.headers.get("content-type"), "text/html; charset=utf-8")
      assert.include(yield* textOf(html), "<h1>")
    }))

  it.effect("redirect is a 302 by default", () =>
    Effect.gen(function*() {
      const found = yield* Answer.respond(Answer.redirect("https://a.example/x"), normal)
      assert.strictEqual(found.status, 302)
      assert.strictEqual(found.headers.get("location"), "https://a.example/x")
      assert.strictEqual((yield* Answer.respond(Answer.redirect("/y", 307), normal)).status, 307)
    }))

  it.effect("proceed is the normal answer, and dropped fails with ConnectionDropped", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Answer.respond(Answer.proceed, normal)).status, 201)
      const error = yield* Effect.flip(Answer.respond(Answer.dropped, normal))
      assert.instanceOf(error, Answer.ConnectionDropped)
      assert.strictEqual(error.message, "connection reset by the test")
    }))

  it.effect("never hangs until it is interrupted", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Answer.respond(Answer.never, normal))
      yield* TestClock.adjust("365 days")
      assert.isNull(fiber.unsafePoll())
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
    }))

  it.effect("delayed: the host acts at once and the answer, or the failure, arrives later", () =>
    Effect.gen(function*() {
      let acted = 0
      const acting = Effect.zipRight(Effect.sync(() => acted++), normal)
      const fiber = yield* Effect.fork(Answer.respond(Answer.delayed("2 seconds", Answer.proceed), acting))
      const broken = yield* Effect.fork(Answer.respond(Answer.delayed("2 seconds", Answer.dropped), acting))
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual(acted, 1)
      assert.isNull(fiber.unsafePoll())
      assert.isNull(broken.unsafePoll())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 201)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(broken)))
    }))

  it.effect("after: the host does nothing until the effect has ended", () =>
    Effect.gen(function*() {
      let acted = 0
      const acting = Effect.zipRight(Effect.sync(() => acted++), normal)
      const gate = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(Answer.respond(Answer.after(Deferred.await(gate), Answer.proceed), acting))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(acted, 0)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(fiber)).status, 201)
      assert.strictEqual(acted, 1)
    }))

  it.effect("truncated is the first half of the normal body", () =>
    Effect.gen(function*() {
      const whole = yield* Effect.flatMap(normal, textOf)
      const response = yield* Answer.respond(Answer.truncated, normal)
      const body = yield* textOf(response)
      assert.strictEqual(response.status, 201)
      assert.strictEqual(response.headers.get("content-type"), "application/json")
      assert.strictEqual(body, whole.slice(0, Math.floor(whole.length / 2)))
      assert.throws(() => JSON.parse(body))
    }))

  it.effect("oversized has that many bytes and is still the normal JSON", () =>
    Effect.gen(function*() {
      const body = yield* Effect.flatMap(Answer.respond(Answer.oversized(100_000), normal), textOf)
      assert.strictEqual(body.length, 100_000)
      assert.deepStrictEqual(JSON.parse(body), { issuer: "https://auth.example.com", n: 1 })
    }))

  it.effect("oversized never cuts the normal body", () =>
    Effect.gen(function*() {
      const body = yield* Effect.flatMap(Answer.respond(Answer.oversized(3), normal), textOf)
      assert.deepStrictEqual(JSON.parse(body), { issuer: "https://auth.example.com", n: 1 })
    }))

  it.effect("modified alters the normal JSON and keeps the rest of the answer", () =>
    Effect.gen(function*() {
      const response = yield* Answer.respond(Answer.modified((json) => ({ ...json, n: 2 })), normal)
      assert.strictEqual(response.status, 201)
      assert.strictEqual(yield* textOf(response), "{\"issuer\":\"https://auth.example.com\",\"n\":2}")
    }))

  it.effect("modified of an answer that is not a JSON object is a defect", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(
        Answer.respond(Answer.modified((json) => json), Effect.sync(() => new Response("<html>")))
      )
      assert.isTrue(
        Exit.isFailure(exit) && exit.cause.toString().includes("the normal answer is not a JSON object: <html>")
      )
    }))
})
